extern crate std;

use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn refusal(head: &str) -> Option<Refusal> {
    match parse(head.as_bytes()) {
        Parsed::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

fn asked(line: &str, fields: &str) -> Option<Refusal> {
    let head = format!("{line}\r\nHost: a\r\n{fields}\r\n");
    let refused = refusal(&head);
    assert_eq!(
        refused.is_none(),
        matches!(parse(head.as_bytes()), Parsed::Complete(_, len) if len == head.len())
    );
    refused
}

#[test]
fn request_is_read_and_the_next_one_left() {
    let bytes = b"\r\nGET /a/b?c HTTP/1.1\r\nHost: x\r\nAccept: \xc3\xa4\r\n\r\nGET";
    let request = Request {
        method: Method::Get,
        target: "/a/b?c",
        keep_alive: true,
    };
    assert_eq!(parse(bytes), Parsed::Complete(request, bytes.len() - 3));
}

#[test]
fn head_behind_an_empty_line_is_refused_before_it_has_no_room() {
    let mut bytes = b"\r\nGET /".to_vec();
    bytes.resize(HEAD_MAX, b'a');
    assert_eq!(parse(&bytes[..HEAD_MAX - 1]), Parsed::Incomplete);
    assert_eq!(parse(&bytes), Parsed::Refused(Refusal::TargetTooLong));
    let mut bytes = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    bytes.resize(HEAD_MAX - 4, b'a');
    bytes.extend_from_slice(b"\r\n\r\n");
    assert!(matches!(parse(&bytes), Parsed::Complete(_, HEAD_MAX)));
    bytes.insert(HEAD_MAX - 4, b'a');
    assert_eq!(parse(&bytes), Parsed::Refused(Refusal::HeadTooLong));
}

#[test]
fn lone_cr_is_no_part_of_any_line() {
    for head in [
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
    ] {
        assert_eq!(refusal(head), Some(Refusal::BadRequest), "{head:?}");
    }
}

#[test]
fn connection_stays_as_the_version_and_the_field_say() {
    let stays = |head: &str| match parse(head.as_bytes()) {
        Parsed::Complete(request, _) => request.keep_alive,
        other => panic!("{other:?}"),
    };
    assert!(stays("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(!stays(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n"
    ));
    assert!(!stays("GET / HTTP/1.0\r\n\r\n"));
    assert!(stays("HEAD / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n"));
}

#[test]
fn every_rule_has_its_status() {
    use Refusal::*;
    assert_eq!(asked("GET / HTTP/1.1", ""), None);
    assert_eq!(asked("GET http://a/b HTTP/1.1", ""), None);
    assert_eq!(asked("POST / HTTP/1.1", ""), Some(MethodNotAllowed));
    assert_eq!(asked("G(T / HTTP/1.1", ""), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/2.0", ""), Some(Version));
    assert_eq!(asked("GET / HTTP/1.10", ""), Some(BadRequest));
    assert_eq!(asked("GET /", ""), Some(BadRequest));
    assert_eq!(asked("GET  / HTTP/1.1", ""), Some(BadRequest));
    assert_eq!(asked("GET * HTTP/1.1", ""), Some(BadRequest));
    assert_eq!(asked("GET https://a/ HTTP/1.1", ""), Some(BadRequest));
    assert_eq!(asked("GET /\u{e4} HTTP/1.1", ""), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "Host: b\r\n"), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "X : b\r\n"), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "X: b\r\n folded\r\n"), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "X: b\rY: c\r\n"), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "X: b\nY: c\r\n"), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "X: \0\r\n"), Some(BadRequest));
    assert_eq!(asked("GET / HTTP/1.1", "Content-Length: 0\r\n"), None);
    assert_eq!(
        asked("GET / HTTP/1.1", "Content-Length: 5\r\n"),
        Some(BodyRefused)
    );
    assert_eq!(
        asked("GET / HTTP/1.1", "Content-Length: -1\r\n"),
        Some(BadRequest)
    );
    assert_eq!(
        asked("GET / HTTP/1.1", "Content-Length: 0\r\nContent-Length: 0\r\n"),
        Some(BadRequest)
    );
    assert_eq!(
        asked("GET / HTTP/1.1", "Content-Length: 99999999999999999999\r\n"),
        Some(BadRequest)
    );
    assert_eq!(
        asked("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n"),
        Some(NotImplemented)
    );
    assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n"), Some(BadRequest));
    assert_eq!(
        asked("GET / HTTP/1.1", &"X: y\r\n".repeat(FIELDS_MAX)),
        Some(HeadTooLong)
    );
}

#[test]
fn too_long_is_refused_when_it_is_too_long_and_not_before() {
    let path = |len: usize| format!("GET /{}", "a".repeat(len - 5));
    assert_eq!(parse(path(HEAD_MAX - 1).as_bytes()), Parsed::Incomplete);
    assert_eq!(refusal(&path(HEAD_MAX)), Some(Refusal::TargetTooLong));
    let field = |len: usize| format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(len - 19));
    assert_eq!(parse(field(HEAD_MAX - 1).as_bytes()), Parsed::Incomplete);
    assert_eq!(refusal(&field(HEAD_MAX)), Some(Refusal::HeadTooLong));
    let whole = format!("{}\r\n\r\n", field(HEAD_MAX - 3));
    assert_eq!(refusal(&whole), Some(Refusal::HeadTooLong));
}

proptest! {
    /// Whatever comes, in whatever pieces: no panic; before its end no request is there, and what follows does not change it.
    #[test]
    fn answer_does_not_depend_on_what_follows(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "(GET|HEAD|PUT) /[a-z%/.]{0,20} HTTP/1.[012]\r\n((Host|Connection|X|Content-Length): ?[ -~]{0,9}\r\n){0,4}\r\n"
                .prop_map(String::into_bytes),
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = parse(&bytes);
        let more: Vec<u8> = bytes.iter().chain(&rest).copied().collect();
        if let Parsed::Complete(request, len) = whole {
            prop_assert!(len <= bytes.len() && request.target.starts_with('/'));
            prop_assert_eq!(parse(&more), whole);
            prop_assert_eq!(parse(&bytes[..cut.index(len)]), Parsed::Incomplete);
        }
    }
}
