//! What a target leads to.

use file_service::{DEPTH_MAX, PATH_MAX};
use heapless::String;

use crate::request::Refusal;

/// A path of the file server's.
pub type Path = String<PATH_MAX>;

/// What a target leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The status page.
    Page,
    /// What it shows, for programs.
    Status,
    /// A file, if there is one.
    File(Path),
}

/// Where a target leads.
///
/// # Errors
/// [`Refusal::BadRequest`]: it is malformed. [`Refusal::NotFound`]: no file can have that name.
pub fn route(target: &str) -> Result<Route, Refusal> {
    let path = target.split('?').next().unwrap_or_default();
    match path {
        "/" => return Ok(Route::Page),
        "/status.json" => return Ok(Route::Status),
        _ => {}
    }
    let mut decoded = Path::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                high << 4 | low
            }
            b'#' => return Err(Refusal::BadRequest),
            _ => byte,
        };
        // What FAT has no room for in a name, and what would make two names of one.
        if !byte.is_ascii_graphic() || b"\\\"*:<>?|".contains(&byte) {
            return Err(Refusal::NotFound);
        }
        decoded.push(byte.into()).map_err(|_| Refusal::NotFound)?;
    }
    let mut depth = 0;
    for component in decoded.strip_prefix('/').ok_or(Refusal::BadRequest)?.split('/') {
        depth += 1;
        // The file server refuses these too: whoever climbs is not to get as far as that.
        if matches!(component, "" | "." | "..") || depth > DEPTH_MAX {
            return Err(Refusal::NotFound);
        }
    }
    Ok(Route::File(decoded))
}

fn digit(byte: Option<u8>) -> Result<u8, Refusal> {
    let digit = byte.and_then(|byte| char::from(byte).to_digit(16));
    digit.map(|digit| digit as u8).ok_or(Refusal::BadRequest)
}

/// The media type of a file, by its name.
pub fn media_type(path: &str) -> &'static str {
    const TYPES: [(&str, &str); 12] = [
        ("css", "text/css"),
        ("gif", "image/gif"),
        ("htm", "text/html; charset=utf-8"),
        ("ico", "image/x-icon"),
        ("jpg", "image/jpeg"),
        ("js", "text/javascript"),
        ("jsn", "application/json"),
        ("md", "text/plain; charset=utf-8"),
        ("pdf", "application/pdf"),
        ("png", "image/png"),
        ("svg", "image/svg+xml"),
        ("txt", "text/plain; charset=utf-8"),
    ];
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let known = TYPES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(extension));
    known.map_or("application/octet-stream", |(_, media)| media)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use super::*;
    use proptest::prelude::*;

    fn file(path: &str) -> Result<Route, Refusal> {
        Path::try_from(path)
            .map(Route::File)
            .map_err(|_| Refusal::NotFound)
    }

    #[test]
    fn targets_lead_where_they_say() {
        assert_eq!(route("/"), Ok(Route::Page));
        assert_eq!(route("/?a=b"), Ok(Route::Page));
        assert_eq!(route("/status.json?now"), Ok(Route::Status));
        assert_eq!(route("/A/B.TXT?x"), file("/A/B.TXT"));
        assert_eq!(route("/%41%2e%74XT"), file("/A.tXT"));
    }

    #[test]
    fn nothing_climbs_however_it_is_written() {
        for target in [
            "/..",
            "/../A",
            "/A/../B",
            "/A/..",
            "/./A",
            "/%2e%2e/A",
            "/%2E./A",
            "/A/%2e%2e%2fB",
            "//A",
            "/A//B",
            "/A/",
            "/..%2f..%2fA",
            "/%2e",
            "/A%00",
            "/A\\..\\B",
            "/A%5cB",
            "/A%0d%0aB",
            "/%ff",
            "/A:B",
            "/A%20B",
        ] {
            assert_eq!(route(target), Err(Refusal::NotFound), "{target}");
        }
        for target in ["/%", "/%4", "/%4g", "/%%41", "/a#b"] {
            assert_eq!(route(target), Err(Refusal::BadRequest), "{target}");
        }
    }

    #[test]
    fn names_that_the_file_server_has_no_room_for_are_not_there() {
        assert!(route("/1/2/3/4/5/6/7/8").is_ok());
        assert_eq!(route("/1/2/3/4/5/6/7/8/9"), Err(Refusal::NotFound));
        let long = |len| format!("/{}", "a".repeat(len - 1));
        assert!(route(&long(PATH_MAX)).is_ok());
        assert_eq!(route(&long(PATH_MAX + 1)), Err(Refusal::NotFound));
    }

    #[test]
    fn media_type_is_by_extension() {
        assert_eq!(media_type("/A/INDEX.HTM"), "text/html; charset=utf-8");
        assert_eq!(media_type("/A.B/C"), "application/octet-stream");
    }

    proptest! {
        #[test]
        fn path_of_a_file_never_climbs(target in "/[a-zA-Z./%25efEF0-9\\\\]{0,40}") {
            if let Ok(Route::File(path)) = route(&target) {
                prop_assert!(path.starts_with('/') && path.len() <= PATH_MAX);
                prop_assert!(path[1..].split('/').all(|name| !["", ".", ".."].contains(&name)));
                prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
