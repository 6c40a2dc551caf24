//! Heads of answers.

use core::fmt::Write;

use heapless::String;

use crate::request::Refusal;

/// A head. Everything that goes into one is of our own making and bounded, and a head that did not fit would be cut.
pub type Head = String<512>;

/// What all answers say: nothing here is to be kept, guessed at, or put into others' pages.
const ALWAYS: &str = "Server: umbra\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
    Content-Security-Policy: default-src 'self' 'unsafe-inline'\r\n";

fn connection(keep_alive: bool) -> &'static str {
    if keep_alive { "keep-alive" } else { "close" }
}

/// Of an answer with a body of this type and length.
pub fn ok(media: &str, length: u64, keep_alive: bool) -> Head {
    let mut head = Head::new();
    let connection = connection(keep_alive);
    let _ = write!(
        head,
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n{ALWAYS}\r\n"
    );
    head
}

/// Of a refusal; the reason is the body, unless only the head is wanted.
pub fn refused(refusal: Refusal, keep_alive: bool, head_only: bool) -> Head {
    let mut head = Head::new();
    let (number, reason, connection) = (refusal as u16, refusal.reason(), connection(keep_alive));
    let allow = match refusal {
        Refusal::MethodNotAllowed => "Allow: GET, HEAD\r\n",
        Refusal::Unavailable => "Retry-After: 1\r\n",
        _ => "",
    };
    let _ = write!(
        head,
        "HTTP/1.1 {number} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {connection}\r\n{allow}{ALWAYS}\r\n",
        reason.len() + 1
    );
    if !head_only {
        let _ = writeln!(head, "{reason}");
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_heads_fit() {
        let head = ok("application/octet-stream; charset=utf-8", u64::MAX, true);
        assert!(head.ends_with("\r\n\r\n"), "{head}");
        for refusal in [
            Refusal::HeadTooLong,
            Refusal::MethodNotAllowed,
            Refusal::Unavailable,
        ] {
            let head = refused(refusal, true, false);
            let (fields, body) = head.split_once("\r\n\r\n").unwrap();
            assert!(fields.contains(&*std::format!("Content-Length: {}\r\n", body.len())));
            assert!(refused(refusal, false, true).ends_with("\r\n\r\n"));
        }
    }

    extern crate std;
}
