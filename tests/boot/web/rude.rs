//! Clients that a server could do without.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// How long to wait for bytes: longer than a busy host needs for some virtual seconds.
const DEAF: Duration = Duration::from_secs(120);
/// Connections one after the other: many times the server's places.
const SHORT: usize = 200;
/// Connections at the same time: more than it has places.
const MANY: usize = 60;
/// Questions while they are there, and the pause behind each: together longer than an idle connection is left in peace.
const QUESTIONS: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Each of many connections without a pause is answered: a place that was left is another's.
pub fn short_connections(port: u16) -> Result<()> {
    for number in 0..SHORT {
        get(port, "status.json").with_context(|| format!("connection {number}"))?;
    }
    Ok(())
}

/// The body of an answer on a connection of its own.
pub fn get(port: u16, name: &str) -> Result<String> {
    let request = format!("GET /{name} HTTP/1.1\r\nHost: umbra\r\nConnection: close\r\n\r\n");
    let answer = say(port, request.as_bytes())?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok(body.to_owned())
}

/// What comes until the server closes.
fn say(port: u16, bytes: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(DEAF))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Garbage, climbing paths, heads without end.
pub fn nonsense(port: u16) -> Result<()> {
    let close = "Host: umbra\r\nConnection: close\r\n\r\n";
    let long = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(8000));
    for (bytes, status) in [
        ("\x16\x03\x01\x02\0\x01\0\x01".to_owned(), 400),
        ("GET / HTTP/1.1\nHost: umbra\n\n".to_owned(), 400),
        (format!("DELETE / HTTP/1.1\r\n{close}"), 405),
        (format!("GET /../../system.xml HTTP/1.1\r\n{close}"), 404),
        (format!("GET /%2e%2e/MIT.TXT HTTP/1.1\r\n{close}"), 404),
        (format!("GET /NONE.TXT HTTP/1.1\r\n{close}"), 404),
    ] {
        let answer = say(port, bytes.as_bytes()).with_context(|| bytes.clone())?;
        ensure!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{bytes:?}: {answer}"
        );
    }
    // What is sent behind a refusal may meet a connection that is gone.
    match say(port, long.as_bytes()) {
        Ok(answer) => ensure!(answer.starts_with("HTTP/1.1 431 "), "{answer}"),
        Err(error) => ensure!(
            error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == ErrorKind::ConnectionReset),
            "{error}"
        ),
    }
    Ok(())
}

/// More connections than there are places, of which none says anything, do not harm one that is in use; they make room one after the other.
pub fn crowd(port: u16) -> Result<()> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(DEAF))?;
    let mut kept = BufReader::new(stream);
    ask(&mut kept)?;
    let connect = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let many: Vec<_> = (0..MANY).map(connect).collect::<Result<_, _>>()?;
    for _ in 0..QUESTIONS {
        ask(&mut kept).context("on the connection that was there before")?;
        std::thread::sleep(PAUSE);
    }
    drop(many);
    get(port, "status.json").map(|_| ())
}

fn ask(kept: &mut BufReader<TcpStream>) -> Result<()> {
    write!(kept.get_mut(), "GET /MIT.TXT HTTP/1.1\r\nHost: umbra\r\n\r\n")?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(kept.read_line(&mut head)? != 0, "the connection has ended");
    }
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; len.context("no length")?.parse()?];
    Ok(kept.read_exact(&mut body)?)
}
