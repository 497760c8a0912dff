//! Requests, and who may make them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    sync::Arc,
};

use tokio::runtime::Runtime;

use super::*;
use crate::{service::Service, testing};

const CONFIG: &str = "[upstream]\nservers = [\"192.0.2.53\"]\n";

/// A server's control socket in a folder.
fn served(runtime: &Runtime, folder: &Path) -> PathBuf {
    let path = folder.join("control.sock");
    let _runtime = runtime.enter();
    let socket = ControlSocket::bind(&path).unwrap();
    runtime.spawn(socket.serve(Arc::new(Service::of_snapshot(testing::snapshot(CONFIG)))));
    path
}

/// The response to whatever is written.
fn said(socket: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn requests_as_they_are_written() {
    let cases = [
        (r#"{"command":"status"}"#, Request::Status),
        (r#"{"command":"reload"}"#, Request::Reload),
        (r#"{"command":"flush","name":null}"#, Request::Flush { name: None }),
        (r#"{"command":"reports"}"#, Request::Reports),
        (
            r#"{"command":"settle","name":"a.example"}"#,
            Request::Settle { name: "a.example".into() },
        ),
        (
            r#"{"command":"end","name":"a.example","group":"pupils"}"#,
            Request::End { name: "a.example".into(), group: "pupils".into() },
        ),
    ];
    for (text, request) in cases {
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
    }
}

#[test]
fn nonsense_is_refused_and_the_server_goes_on() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = served(&runtime, folder.path());
    let long = [b"\"".as_slice(), &[b'x'; 100_000], b"\"\n"].concat();
    let cases: [&[u8]; 7] = [
        b"",
        b"\n",
        b"\0\xff\n",
        b"{\"command\":\"status\"",
        b"{\"command\":\"flush\",\"name\":null,\"more\":1}\n",
        b"{\"command\":\"halt\"}\n",
        b"{\"command\":\"flush\",\"name\":\"not a name\"}\n",
    ];
    for request in cases {
        let line = said(&socket, request);
        assert!(line.starts_with("{\"error\":{\"message\":\"not a "), "{line}");
    }
    // Too long to be read to its end: the connection may be gone before the response is.
    let mut stream = UnixStream::connect(&socket).unwrap();
    let _ = stream.write_all(&long);
    drop(stream);
    let status = said(&socket, b"{\"command\":\"status\"}\n");
    // In which order depends on how serde_json was built.
    assert!(status.starts_with("{\"ok\":{") && status.contains("\"allowed\":[]"), "{status}");
}

#[test]
fn the_socket_is_for_its_user_and_group() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = served(&runtime, folder.path());
    assert_eq!(fs::metadata(socket).unwrap().permissions().mode() & 0o777, 0o660);
}

#[test]
fn a_dead_servers_socket_is_replaced_and_a_live_ones_is_not() {
    let runtime = Runtime::new().unwrap();
    let _runtime = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = ControlSocket::bind(&path).unwrap();
    let error = ControlSocket::bind(&path).unwrap_err().to_string();
    assert!(error.contains("another preau answers there"), "{error}");
    UnixStream::connect(&path).unwrap();
    drop(first);
    assert!(!path.exists());

    fs::write(&path, "precious").unwrap();
    let error = ControlSocket::bind(&path).unwrap_err().to_string();
    assert!(error.contains("something else than a socket is there"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let error = ControlSocket::bind(&folder.path().join("none/control.sock")).unwrap_err();
    assert!(error.to_string().contains("its folder must exist"), "{error}");
}

#[test]
fn where_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preau.toml");
    let packaged = PathBuf::from(PACKAGED);
    assert_eq!(socket_to_ask(None), packaged);
    assert_eq!(socket_to_ask(Some(&file)), packaged);
    for text in ["", "[control]\n", "not TOML", "[control]\nsocket = 7\n"] {
        fs::write(&file, text).unwrap();
        assert_eq!(socket_to_ask(Some(&file)), packaged, "{text}");
    }
    // Whatever else is wrong with the file.
    fs::write(&file, "[lisen]\n[control]\nsocket = \"c.sock\"\n").unwrap();
    assert_eq!(socket_to_ask(Some(&file)), folder.path().join("c.sock"));
}
