//! `list-compile publish`: a bundle to where servers pull it from.

use std::{fmt, fs, path::PathBuf};

use clap::Args;
use filter_core::{Filter, Stamp, restamp};
use jiff::Timestamp;
use lists::{
    guard::{GuardPolicy, examine},
    pointer::{POINTER_NAME, Pointer},
    publish::{Candidate, Current, Destination, Kept, PublishError, Wanted},
    signature::{PublicKeys, SecretKey, read_signature, trusted_comment},
    source::Sources,
};
use serde::Serialize;
use tokio::runtime;

use crate::{
    failure::Failure,
    guard::{self, Acceptance},
    output,
    password::PasswordArguments,
    verify::public_keys,
};

/// Publish a bundle: to a folder, a web server, or object storage
///
/// Writes the bundle and its signature under the name of their content, reads them back, and last
/// replaces the small pointer current.json, which servers poll. On any error, and if the guards
/// refuse the bundle, they go on seeing what was published before.
///
/// URL is a folder's path, or file:, https:, s3://bucket/folder, gs://bucket/folder,
/// az://container/folder; credentials come from the environment (AWS_…, GOOGLE_…, AZURE_…).
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    #[arg(required_unless_present = "rollback", conflicts_with = "rollback")]
    file: Option<PathBuf>,
    /// Folder to publish to
    #[arg(long, value_name = "URL")]
    to: String,
    /// Secret key to sign with [default: publish the signature that lies beside FILE]
    #[arg(long, value_name = "FILE", required_unless_present = "public_key")]
    key: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordArguments,
    /// Public key, as itself or as its file, that the signature beside FILE, or a bundle published
    /// before, may be of; may be repeated
    #[arg(long, value_name = "KEY")]
    public_key: Vec<String>,
    /// Publish an old bundle again under a new serial: that of SERIAL, or the one before the present
    #[arg(long, value_name = "SERIAL", num_args = 0..=1, requires = "key")]
    rollback: Option<Option<u64>>,
    /// Bundles to keep there, for going back
    #[arg(long, value_name = "N", default_value_t = 30)]
    keep: usize,
    /// Sources file with limits and names of its own for the guards, in [guard] and of its sources;
    /// without it, they are as they ship
    #[arg(long, value_name = "FILE")]
    sources: Option<PathBuf>,
    #[command(flatten)]
    acceptance: Acceptance,
    /// Publish though this file, current.json or a bundle that it points to, cannot be read; the
    /// guards compare with the newest bundle kept there that is whole and signed
    #[arg(long, value_name = "NAME")]
    accept_unreadable: Option<String>,
    /// URL of an S3-compatible store that is not Amazon's
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done {
    to: String,
    #[serde(flatten)]
    pointer: Pointer,
    /// Serial of the bundle that was published again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<u64>,
    /// Bundles that were removed.
    pruned: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Failure::failed)?.block_on(publish(arguments))?;
    output::print(arguments.json, &done)
}

async fn publish(arguments: &Arguments) -> Result<Done, Failure> {
    let signer = Signer::new(arguments)?;
    let destination =
        Destination::open(&arguments.to, arguments.endpoint.as_deref()).map_err(failure)?;
    let there = There { arguments, destination: &destination, keys: &signer.public_keys };
    let current = there.current().await?;
    let (candidate, again) = match (&arguments.file, arguments.rollback, &current.pointer) {
        (Some(file), ..) => {
            let bytes = fs::read(file).map_err(|error| {
                Failure::Failed(format!("cannot read {}: {error}", file.display()))
            })?;
            let candidate = Candidate::open(bytes)
                .map_err(|error| Failure::Bundle(format!("{}: {error}", file.display())))?;
            (candidate, None)
        }
        (None, serial, Some(current)) => {
            let old = there.kept(serial.flatten(), current).await?;
            (anew(&old, current)?, Some(old.stamp().serial))
        }
        (None, _, None) => {
            return Err(Failure::Failed(format!("nothing is published at {}", arguments.to)));
        }
    };
    candidate.check_replaces(current.pointer.as_ref()).map_err(failure)?;
    // What changed since the lists that somebody wants back was no good.
    let previous = match (&current.pointer, again) {
        (Some(pointer), None) => there.filter(pointer).await?,
        _ => None,
    };
    guarded(arguments, &candidate, previous.as_ref())?;
    let signature = signer.signature(arguments, &candidate)?;
    let pointer = destination.publish(&candidate, &signature, &current).await.map_err(failure)?;
    let pruned = match destination.prune(arguments.keep, &pointer).await {
        Ok(pruned) => pruned,
        Err(error) => {
            // The bundle is published: too many old ones are no reason to do it again.
            warn(&format!("old bundles were not removed: {error}"));
            0
        }
    };
    Ok(Done { to: arguments.to.clone(), pointer, again, pruned })
}

/// What is published, and what of it somebody accepted that cannot be read.
struct There<'a> {
    arguments: &'a Arguments,
    destination: &'a Destination,
    keys: &'a PublicKeys,
}

impl There<'_> {
    /// What is published now; where the pointer cannot be read, and that is accepted, it is as if it
    /// led to the newest bundle there.
    async fn current(&self) -> Result<Current, Failure> {
        match self.destination.current().await {
            Err(error @ PublishError::Pointer { .. }) => {
                self.accept(&error, POINTER_NAME)?;
                let mut current = self.destination.unreadable().await.map_err(failure)?;
                current.pointer = self.newest().await?.map(|newest| newest.pointer());
                Ok(current)
            }
            current => current.map_err(failure),
        }
    }

    /// What the guards compare the new bundle with.
    async fn filter(&self, pointer: &Pointer) -> Result<Option<Filter>, Failure> {
        match self.destination.filter(pointer).await {
            Err(error @ PublishError::Damaged { .. }) => {
                self.accept(&error, &pointer.object)?;
                Ok(self.newest().await?.map(Candidate::into_filter))
            }
            filter => filter.map(Some).map_err(failure),
        }
    }

    /// The bundle to go back to.
    async fn kept(&self, serial: Option<u64>, current: &Pointer) -> Result<Candidate, Failure> {
        let wanted = serial.map_or(Wanted::Before(current.stamp.serial), Wanted::Serial);
        let Kept { candidate, serials, .. } = self.search(wanted).await?;
        candidate.ok_or_else(|| Failure::Failed(nothing_kept(serial, &serials)))
    }

    async fn newest(&self) -> Result<Option<Candidate>, Failure> {
        let newest = self.search(Wanted::Newest).await?.candidate;
        match &newest {
            Some(newest) => {
                let serial = newest.stamp().serial;
                warn(&format!("the guards compare with serial {serial}, the newest that is whole"));
            }
            None => warn("no bundle there is whole: the guards have nothing to compare with"),
        }
        Ok(newest)
    }

    async fn search(&self, wanted: Wanted) -> Result<Kept, Failure> {
        let kept = self.destination.kept(wanted, self.keys).await.map_err(failure)?;
        for error in &kept.passed_over {
            warn(&format!("passed over: {error}"));
        }
        Ok(kept)
    }

    /// An error, unless somebody looked at the file and goes on without it.
    fn accept(&self, error: &PublishError, name: &str) -> Result<(), Failure> {
        if self.arguments.accept_unreadable.as_deref() == Some(name) {
            warn(&error.to_string());
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "{error}; what a new bundle would change cannot be known: look at it, then go on with \
             --accept-unreadable {name}"
        )))
    }
}

fn nothing_kept(serial: Option<u64>, kept: &[u64]) -> String {
    let kept: Vec<_> = kept.iter().map(u64::to_string).collect();
    let there = match kept.is_empty() {
        true => "no bundle is kept there".to_owned(),
        false => format!("the serials {} are kept there", kept.join(", ")),
    };
    match serial {
        Some(serial) => format!("there is no usable bundle of serial {serial}: {there}"),
        None => format!("there is no usable bundle before the present one: {there}"),
    }
}

/// Refuses what the guards refuse.
fn guarded(
    arguments: &Arguments,
    candidate: &Candidate,
    previous: Option<&Filter>,
) -> Result<(), Failure> {
    let mut policy = match &arguments.sources {
        Some(path) => GuardPolicy::of(&Sources::load(path).map_err(Failure::Sources)?),
        None => GuardPolicy::shipped(),
    };
    arguments.acceptance.apply(&mut policy);
    let mut report = examine(candidate.filter(), previous, &policy);
    // They stand in the report of the build already.
    report.overblocked.clear();
    let outcome = guard::refuse(&report);
    match &outcome {
        Ok(()) if report.findings.is_empty() => {}
        Ok(()) => warn(&report.to_string()),
        Err(_) => output::print(arguments.json, &report)?,
    }
    outcome
}

/// Who signs, and who may have signed.
struct Signer {
    secret_key: Option<SecretKey>,
    public_keys: PublicKeys,
}

impl Signer {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let load = |path: &PathBuf| {
            SecretKey::load(path, arguments.password.password()?).map_err(Failure::failed)
        };
        let secret_key = arguments.key.as_ref().map(load).transpose()?;
        let own = secret_key.iter().map(SecretKey::public_key);
        let others = public_keys(&arguments.public_key)?;
        let public_keys = own.chain(others.iter().cloned()).collect();
        Ok(Self { secret_key, public_keys })
    }

    fn signature(&self, arguments: &Arguments, candidate: &Candidate) -> Result<String, Failure> {
        let bytes = candidate.bytes();
        let signature = match (&self.secret_key, &arguments.file) {
            (Some(key), _) => key
                .sign(bytes, &trusted_comment(bytes, candidate.stamp()))
                .map_err(Failure::failed)?,
            (None, Some(file)) => read_signature(file)
                .map_err(|error| Failure::Bundle(format!("{}: {error}", file.display())))?,
            (None, None) => return Err(Failure::Usage("--rollback needs a --key".into())),
        };
        // Nothing is published that servers would refuse.
        let refused = |error| Failure::Bundle(format!("the bundle is not published: {error}"));
        self.public_keys.verify(bytes, &signature).map_err(refused)?;
        Ok(signature)
    }
}

/// The same lists as if they had been built now: servers take no older serial.
fn anew(old: &Candidate, current: &Pointer) -> Result<Candidate, Failure> {
    let now = Timestamp::now();
    let now_as_serial = u64::try_from(now.as_second()).unwrap_or(0);
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    // It lasts as long as it did.
    let expires = old.stamp().expires.as_deref().and_then(instant).and_then(|expires| {
        let lasted = expires.duration_since(instant(&old.stamp().created)?);
        Timestamp::from_second(now.checked_add(lasted).ok()?.as_second()).ok()
    });
    let created = Timestamp::from_second(now.as_second()).map_err(Failure::failed)?;
    let stamp = Stamp {
        serial: now_as_serial.max(current.stamp.serial.saturating_add(1)),
        created: created.to_string(),
        expires: expires.map(|instant| instant.to_string()),
    };
    let bytes = restamp(old.bytes(), stamp).map_err(|error| Failure::Bundle(error.to_string()))?;
    Candidate::open(bytes).map_err(failure)
}

/// The bundle's fault, or the world's.
fn failure(error: PublishError) -> Failure {
    match error {
        PublishError::Unusable(_)
        | PublishError::DoesNotBind { .. }
        | PublishError::Expired { .. }
        | PublishError::Older { .. }
        | PublishError::SameSerial { .. } => Failure::Bundle(error.to_string()),
        error => Failure::Failed(error.to_string()),
    }
}

fn warn(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "warning: {text}");
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pointer { stamp, object, octets, .. } = &self.pointer;
        write!(f, "{}: published serial {}", self.to, stamp.serial)?;
        if let Some(serial) = self.again {
            write!(f, ", the lists of serial {serial} again")?;
        }
        writeln!(f, "; {object}, {octets} octets")?;
        match self.pruned {
            0 => Ok(()),
            pruned => writeln!(f, "{pruned} old bundles removed"),
        }
    }
}
