//! Whatever a client of the web server says: what was decided of a head stays so whatever comes behind it, no head grows without end, and
//! no path climbs.

use http::request::{HEAD_MAX, Parsed, parse};
use http::route::{Route, route};

/// See the module. `bytes` are what comes on a connection.
pub fn heads(bytes: &[u8]) {
    let whole = parse(bytes);
    // As they come: by and by.
    for len in 0..bytes.len().min(HEAD_MAX) {
        match parse(&bytes[..len]) {
            Parsed::Incomplete => {}
            decided @ Parsed::Complete(..) => assert_eq!(decided, whole),
            Parsed::Refused(_) => assert!(matches!(whole, Parsed::Refused(_)), "{whole:?}"),
        }
    }
    match whole {
        Parsed::Incomplete => assert!(bytes.len() < HEAD_MAX, "it is refused before it has no room"),
        Parsed::Refused(refusal) => assert!((400..600).contains(&(refusal as u16))),
        Parsed::Complete(request, len) => {
            assert!(len <= bytes.len() && request.target.starts_with('/'));
            if let Ok(Route::File(path)) = route(request.target) {
                let climbs = |name| ["", ".", ".."].contains(&name);
                assert!(
                    path.starts_with('/') && !path[1..].split('/').any(climbs),
                    "{path}"
                );
                assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path}");
            }
        }
    }
}
