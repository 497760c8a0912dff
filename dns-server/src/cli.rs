//! The command line.
#![expect(clippy::print_stdout, reason = "what a command is asked for goes to standard output")]

mod operate;
mod rollout;

use std::{
    env,
    fs::{DirBuilder, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use ::rollout::RolloutError;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use filter_core::DomainName;
use jiff::Timestamp;
use lists::diagnostic::Diagnostic;
use serde::Serialize;
use serde_json::json;
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{operate::Operate, rollout::Rollout};
use crate::{
    bundle::{self, Origin},
    check_search,
    code::{self, CodeDigest},
    config::{self, CheckPlace, Config, ConfigError, ListSource, Tls},
    control::{self, ControlSocket, status::humane},
    failure::Failure,
    firewall,
    listen::{self, Listeners},
    log, metrics, notify,
    policy::explain::Explanation,
    query, run,
    service::{self, Service},
    web::{block_page, certificates::Authority, check, server::WebListener},
    wire::text,
};

/// A filtering DNS resolver for schools.
#[derive(Debug, Parser)]
#[command(name = "preau", version, after_help = EXIT_CODES)]
struct Arguments {
    /// The configuration file; without it, this machine is a child's on 127.0.0.1:5300
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 failure, 2 usage, 3 configuration invalid, 4 bundle invalid.
Signals: SIGHUP reads configuration and lists again; SIGTERM and SIGINT stop.
RUST_LOG sets the log level: error, warn, info (default), debug.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop (the default)
    Run,
    /// Check the configuration and its bundle, without serving
    CheckConfig,
    /// Print a configuration with every key that there is, its meaning and its default
    DefaultConfig {
        /// Print a JSON Schema instead, by which editors complete and check configurations
        #[arg(long)]
        schema: bool,
    },
    /// Tell what would become of a name and why, from the configuration alone
    Explain {
        /// The name, such as www.example.com
        name: DomainName,
        /// Whose question it is
        #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
        client: IpAddr,
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Ask upstream whether the hosts that make search engines safe still exist
    CheckSearch {
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Print firewall rules, so that clients ask no other resolver
    Firewall {
        /// For nftables
        #[arg(long, required = true)]
        nftables: bool,
        /// This server's address as the router sees it; absent: those that it listens on
        #[arg(long, value_name = "IP")]
        server: Vec<IpAddr>,
    },
    /// Ask the running server
    Query {
        /// The name, such as www.example.com
        name: DomainName,
        /// The record type
        #[arg(name = "TYPE", default_value = "A", value_parser = record_type)]
        record_type: u16,
    },
    /// Make a code by which teachers let names through ([[code]])
    Code {
        /// Write its digest to a new file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make an authority that certifies the block page for refused names ([page] authority)
    Ca {
        /// A new folder for its certificate and its key
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Never to be certified, with all below, such as your bank's or your ministry's name
        #[arg(long, value_name = "NAME")]
        exclude: Vec<DomainName>,
    },
    /// Tell by the exit code whether the server answers, over UDP and TCP
    Healthcheck,
    #[command(flatten)]
    Operate(Operate),
    Rollout(Rollout),
    /// Print the check API as OpenAPI
    #[command(hide = true)]
    Openapi,
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let directives = env::var("RUST_LOG").unwrap_or_default();
    tracing::subscriber::set_global_default(log::subscriber(&directives, io::stderr))
        .expect("main is called once, and nothing else sets a subscriber");
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", message(&failure));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// What a person reads who started a command that failed.
fn message(failure: &Failure) -> String {
    match failure {
        Failure::Config(ConfigError::Invalid(faults))
        | Failure::Rollout(RolloutError::Invalid(faults)) => {
            let colored = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
            let show = if colored { Diagnostic::colored } else { Diagnostic::to_string };
            faults.iter().map(show).collect::<Vec<_>>().join("\n\n")
        }
        Failure::Told { message, code: Failure::CONFIG } => message.clone(),
        other => format!("error: {other}"),
    }
}

fn execute(arguments: Arguments) -> Result<(), Failure> {
    let path = arguments.config.as_deref();
    let config = || path.map_or_else(|| Ok(Config::default()), Config::load);
    match arguments.command.unwrap_or(Command::Run) {
        Command::Run => serve(config()?),
        Command::CheckConfig => check_config(&config()?),
        Command::DefaultConfig { schema: false } => {
            print!("{}", config::default_config());
            Ok(())
        }
        Command::DefaultConfig { schema: true } => {
            println!("{:#}", config::schema().as_value());
            Ok(())
        }
        Command::Explain { name, client, json } => explain(&config()?, &name, client, json),
        Command::CheckSearch { json } => check_search::run(&config()?, json),
        Command::Firewall { nftables: _, server } => {
            print!("{}", firewall::nftables(&config()?, &server)?);
            Ok(())
        }
        Command::Query { name, record_type } => {
            println!("{}", query::ask(&config()?, &name, record_type)?);
            Ok(())
        }
        Command::Code { out } => make_code(out.as_deref()),
        Command::Ca { out, exclude } => make_authority(&out, &exclude),
        Command::Healthcheck => query::check(&config()?),
        Command::Openapi => {
            println!("{:#}", check::document());
            Ok(())
        }
        Command::Man => Ok(Man::new(Arguments::command()).render(&mut io::stdout())?),
        Command::Completions { shell } => {
            generate(shell, &mut Arguments::command(), "preau", &mut io::stdout());
            Ok(())
        }
        // Faults of the file are no obstacle to asking a server that runs.
        Command::Operate(command) => command.run(path),
        Command::Rollout(command) => command.run(path),
    }
}

/// `preau run`.
fn serve(config: Config) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    // First of all: a signal that comes while lists are being loaded is obeyed, too.
    let signals = runtime.block_on(async { Signals::register() })?;
    if let Err(open_files) = listen::raise_open_files(&config.limits) {
        tracing::warn!(
            "this process may have {open_files} open files, and [limits] promises more: raise its \
             limit (systemd: LimitNOFILE), or lower `connections` and `waiting`"
        );
    }
    let listeners = Listeners::bind(&config.listen)?;
    let checks = config.check.clone();
    let (socket, metrics, pages, check_api) = {
        let _runtime = runtime.enter();
        let socket = control::socket(&config).map(|path| ControlSocket::bind(&path)).transpose()?;
        let at = |address| {
            WebListener::tcp(address).map_err(|error| Failure::Metrics { address, error })
        };
        let metrics = config.operations.metrics.map(at).transpose()?;
        let bind = |&address: &_| {
            WebListener::tcp(address).map_err(|error| Failure::Page { address, error })
        };
        let page_at = config.page.iter().flat_map(|page| &page.listen);
        let pages = page_at.map(bind).collect::<Result<Vec<_>, _>>()?;
        let page_at = config.page.iter().flat_map(|page| &page.https);
        let encrypted = page_at.map(bind).collect::<Result<Vec<_>, _>>()?;
        let check_api = checks.place.as_ref().map(|place| {
            let listener = match place {
                CheckPlace::Tcp(address) => WebListener::tcp(*address),
                CheckPlace::Unix(path) => WebListener::unix(path),
            };
            listener.map_err(|error| Failure::CheckApi { place: place.clone(), error })
        });
        (socket, metrics, [("http", pages), ("https", encrypted)], check_api.transpose()?)
    };
    let service = Arc::new(Service::start(config)?);
    service.take_up();
    if let Some(socket) = &socket {
        tracing::info!("control socket {}", socket.path().display());
    }
    if let Some(address) = metrics.as_ref().map(WebListener::address).transpose()?.flatten() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    for (scheme, pages) in &pages {
        for page in pages {
            if let Some(address) = page.address()? {
                tracing::info!("block page at {scheme}://{address}/");
            }
        }
    }
    if let (Some(listener), Some(place)) = (&check_api, &checks.place) {
        let place = listener.address()?.map_or(place.clone(), CheckPlace::Tcp);
        tracing::info!("check API at {place}");
    }
    let addresses = listeners.addresses()?;
    for &address in &addresses.dns {
        let client = query::reachable(address);
        let (ip, port) = (client.ip(), client.port());
        tracing::info!("listening on {address}, UDP and TCP; try: dig @{ip} -p {port} {EXAMPLE}");
    }
    for (address, protocol) in addresses.encrypted() {
        tracing::info!("listening on {address}, {protocol}");
    }
    let outcome = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        tokio::spawn(signals.obey(service.clone(), shutdown.clone()));
        tokio::spawn(tidy(service.clone()));
        // Dropped at the end, its file goes.
        let mut operations = JoinSet::new();
        if let Some(socket) = socket {
            operations.spawn(socket.serve(service.clone()));
        }
        let mut faces = JoinSet::new();
        if let Some(listener) = metrics {
            faces.spawn(metrics::server(service.clone()).serve(listener, shutdown.clone()));
        }
        for (scheme, pages) in pages {
            for listener in pages {
                let server = match scheme {
                    "https" => block_page::https(service.clone()).map_err(io::Error::other)?,
                    _ => block_page::server(service.clone()),
                };
                faces.spawn(server.serve(listener, shutdown.clone()));
            }
        }
        if let Some(listener) = check_api {
            let server = check::server(service.clone(), &checks);
            faces.spawn(server.serve(listener, shutdown.clone()));
        }
        if let Some(&address) = addresses.dns.first() {
            operations.spawn(notify::attend(query::reachable(address)));
        }
        let outcome = run::serve(listeners, service.clone(), shutdown.clone()).await;
        shutdown.cancel(); // also where a socket failed
        let _ = timeout(PARTING, async { while faces.join_next().await.is_some() {} }).await;
        outcome
    });
    service.stopped();
    // A reload under way would keep the process until it is done.
    runtime.shutdown_background();
    outcome?;
    tracing::info!("stopped");
    Ok(())
}

/// How long HTTP requests in hand may take once the server is told to stop.
const PARTING: Duration = Duration::from_secs(5);
/// How often what is over is forgotten.
const TIDY: Duration = Duration::from_secs(60);

/// Forgets what is over, for ever.
async fn tidy(service: Arc<Service>) {
    loop {
        sleep(TIDY).await;
        let service = service.clone();
        let _ = spawn_blocking(move || service.tidy()).await;
    }
}

/// A name that the starter list refuses.
const EXAMPLE: &str = "pornhub.com";

/// The signals that are obeyed, from [`Signals::register`] on.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn register() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// SIGHUP reloads; SIGTERM and SIGINT stop, also during a reload.
    async fn obey(mut self, service: Arc<Service>, shutdown: CancellationToken) {
        let reloads = async {
            // However many come during a reload, they ask for one more.
            while self.hangup.recv().await.is_some() {
                let service = service.clone();
                // Reading and verifying a bundle takes a while; questions do not wait for it.
                let _ = spawn_blocking(move || reload(&service)).await;
            }
        };
        tokio::select! {
            () = reloads => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
        notify::stopping();
        shutdown.cancel();
    }
}

fn reload(service: &Service) {
    match service.reload() {
        Ok(_) => tracing::info!("reloaded"),
        Err(failure) => tracing::error!("not reloaded, everything as before: {failure}"),
    }
}

/// `preau check-config`.
fn check_config(config: &Config) -> Result<(), Failure> {
    let (origin, filter) = bundle::inspect(config)?;
    service::plans_of(&origin, config, &filter)?;
    config.check_page()?;
    let servers = service::servers(config)?;
    for address in &config.listen.dns {
        println!("listen: {address}");
    }
    for (address, protocol) in config.listen.encrypted() {
        println!("listen: {address}, {protocol}");
    }
    for address in config.page.iter().flat_map(|page| &page.listen) {
        println!("block page: http://{address}/");
    }
    for address in config.page.iter().flat_map(|page| &page.https) {
        println!("block page: https://{address}/");
    }
    if let Some(complaint) = config.tls.as_ref().and_then(Tls::complaint) {
        println!("  note: {complaint}");
    }
    if let Some(place) = &config.check.place {
        println!("check API: {place}");
    }
    for server in &servers {
        println!("upstream: {server}");
    }
    for zone in &config.upstream.zones {
        let servers: Vec<_> = zone.servers.iter().map(ToString::to_string).collect();
        println!("forward {}: {}", zone.name, servers.join(", "));
    }
    for group in &config.groups {
        let networks = match group.networks.len() {
            1 => "1 network".to_owned(),
            n => format!("{n} networks"),
        };
        println!("group {}: {networks}, profile {}", group.name, group.profile);
    }
    let keys: Vec<_> = config.lists.keys.iter().map(|key| key.id().to_string()).collect();
    if let ListSource::Published { url, poll } = &config.lists.source {
        println!("lists published at: {url}, asked for every {}", humane(poll.as_secs()));
        println!("cache: {}", bundle::cache(config)?.display());
    }
    if !keys.is_empty() {
        println!("signed with key: {}", keys.join(" or "));
    }
    println!("{}", service::summary(&origin, &filter));
    let stamp = &filter.manifest().stamp;
    if let (Ok(created), Origin::Kept(_)) = (stamp.created.parse::<Timestamp>(), &origin) {
        let seconds = Timestamp::now().as_second() - created.as_second();
        println!("  made {} ago", humane(seconds.try_into().unwrap_or(0)));
    }
    if let Some(expires) = bundle::expired(stamp) {
        println!("  note: expired at {expires}: a running server does not take these lists");
    }
    println!("The configuration is valid.");
    Ok(())
}

/// `preau code`.
fn make_code(out: Option<&Path>) -> Result<(), Failure> {
    let code = code::generate();
    let digest = CodeDigest::of(&code).expect("what is made is not weak");
    let Some(path) = out else {
        println!("The code, for teachers: {code}");
        println!("A line for its file:    {digest}");
        return Ok(());
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path);
    let written = file.and_then(|mut file| writeln!(file, "{digest}"));
    written.map_err(|error| {
        let shown = path.display();
        let message =
            format!("cannot make {shown}: {error}; name a new file in a folder that exists");
        Failure::Told { message, code: 1 }
    })?;
    println!("The code, for teachers: {code}");
    println!("Its digest is in {}; the code is nowhere: note it.", path.display());
    Ok(())
}

/// `preau ca`.
fn make_authority(folder: &Path, excluded: &[DomainName]) -> Result<(), Failure> {
    let new = Authority::generate(excluded).map_err(io::Error::other)?;
    let write = |name: &str, text: &str, mode| {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(folder.join(name))?;
        file.write_all(text.as_bytes())
    };
    let written = DirBuilder::new()
        .mode(0o755)
        .create(folder)
        .and_then(|()| write(config::AUTHORITY_KEY, &new.key, 0o600))
        .and_then(|()| write(config::AUTHORITY_CERTIFICATE, &new.certificate, 0o644));
    written.map_err(|error| {
        let shown = folder.display();
        let message = format!("cannot make {shown}: {error}; name a new folder in one that exists");
        Failure::Told { message, code: 1 }
    })?;
    let [key, certificate] = [config::AUTHORITY_KEY, config::AUTHORITY_CERTIFICATE]
        .map(|name| folder.join(name).display().to_string());
    println!("{certificate}: for your posts to trust, for two years.");
    println!("{key}: whoever has it can pretend to be any site to them. It goes to the server's");
    println!("user alone (chown preau), and into no backup that others read.");
    println!("Read docs/block-page-https.md before you hand out the certificate.");
    Ok(())
}

/// `preau explain`.
fn explain(config: &Config, name: &DomainName, client: IpAddr, json: bool) -> Result<(), Failure> {
    let (origin, filter) = bundle::inspect(config)?;
    let plans = service::plans_of(&origin, config, &filter)?;
    let policy = service::policy(config, plans);
    let Some(id) = policy.groups.group_of(client) else {
        let known: Vec<_> = config.groups.iter().map(|group| group.name.as_str()).collect();
        match json {
            true => println!("{}", json!({ "client": client, "group": null })),
            false => println!(
                "{client} is in no group: whatever it asks is refused (REFUSED). Groups: {}",
                known.join(", ")
            ),
        }
        return Ok(());
    };
    let group = &config.groups[id.index()].name;
    let explanation = policy.explain(name, id, Timestamp::now()).expect("there is a plan a group");
    match json {
        true => {
            let whose = json!({ "client": client, "group": group });
            let explained = Explained { whose, explanation };
            println!("{}", serde_json::to_string(&explained).map_err(io::Error::other)?);
        }
        false => print!("{client} is in group {group}\n{explanation}"),
    }
    Ok(())
}

/// An explanation, and of whose question.
#[derive(Serialize)]
struct Explained<'p> {
    #[serde(flatten)]
    whose: serde_json::Value,
    #[serde(flatten)]
    explanation: Explanation<'p>,
}

fn record_type(text: &str) -> Result<u16, String> {
    text::record_type(text)
        .ok_or_else(|| "not a record type, such as A, AAAA, HTTPS, TYPE65".into())
}
