//! Heads of requests (RFC 9112), from bytes that anybody may have sent.
//!
//! Strict where leniency has been a way in: lines end with CR LF, names touch their colons, nothing is folded, a length is said once.

/// Longest head, in bytes.
pub const HEAD_MAX: usize = 2048;
/// Most fields of a head.
pub const FIELDS_MAX: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Head and body.
    Get,
    /// The head alone.
    Head,
}

/// A request that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is asked for.
    pub method: Method,
    /// Of what: begins with `/`.
    pub target: &'a str,
    /// The connection is to be used for more.
    pub keep_alive: bool,
}

/// What the bytes of a connection are so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// The beginning of a head.
    Incomplete,
    /// A request, and the bytes of its head.
    Complete(Request<'a>, usize),
    /// Nothing that is served; the connection is good for nothing more.
    Refused(Refusal),
}

/// Why a request is not served: the status of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Refusal {
    /// It makes no sense.
    BadRequest = 400,
    /// There is no such thing.
    NotFound = 404,
    /// Nothing can be changed here.
    MethodNotAllowed = 405,
    /// The head took too long.
    Timeout = 408,
    /// It comes with a body.
    BodyRefused = 413,
    /// The target is too long.
    TargetTooLong = 414,
    /// The head is too long.
    HeadTooLong = 431,
    /// It comes with a body of a kind that is not known.
    NotImplemented = 501,
    /// There are no files at this moment.
    Unavailable = 503,
    /// Another version of the protocol.
    Version = 505,
}

impl Refusal {
    /// The status line's text.
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::Timeout => "Request Timeout",
            Self::BodyRefused => "Content Too Large",
            Self::TargetTooLong => "URI Too Long",
            Self::HeadTooLong => "Request Header Fields Too Large",
            Self::NotImplemented => "Not Implemented",
            Self::Unavailable => "Service Unavailable",
            Self::Version => "HTTP Version Not Supported",
        }
    }
}

/// Reads the head at the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    match head(bytes) {
        Ok(Some((request, len))) => Parsed::Complete(request, len),
        Ok(None) => Parsed::Incomplete,
        Err(refusal) => Parsed::Refused(refusal),
    }
}

fn head(bytes: &[u8]) -> Result<Option<(Request<'_>, usize)>, Refusal> {
    // An empty line before a request is to be overlooked (RFC 9112, 2.2).
    let skipped = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let bytes = bytes.get(skipped..).unwrap_or_default();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    // The end of its last line belongs to a head: a CR before that would otherwise be taken for a part of it.
    let said = end.map_or(bytes.len(), |end| end + 2);
    if !is_sound(bytes.get(..said).unwrap_or_default()) {
        return Err(Refusal::BadRequest);
    }
    let Some(end) = end else {
        // The empty line takes room too.
        return match skipped + bytes.len() {
            0..HEAD_MAX => Ok(None),
            _ if bytes.contains(&b'\n') => Err(Refusal::HeadTooLong),
            _ => Err(Refusal::TargetTooLong),
        };
    };
    if skipped + end + 4 > HEAD_MAX {
        return Err(Refusal::HeadTooLong);
    }
    let lines = bytes.get(..end).unwrap_or_default();
    let mut lines = lines.split(|byte| *byte == b'\n');
    let mut lines = core::iter::from_fn(|| lines.next().map(|line| line.strip_suffix(b"\r").unwrap_or(line)));
    let line = lines.next().unwrap_or_default();
    let (method, target, minor) = request_line(line)?;
    let mut fields = Fields::default();
    for (number, line) in lines.enumerate() {
        if number >= FIELDS_MAX {
            return Err(Refusal::HeadTooLong);
        }
        fields.take(line)?;
    }
    let keep_alive = fields.verdict(minor)?;
    let method = match method {
        b"GET" => Method::Get,
        b"HEAD" => Method::Head,
        _ => return Err(Refusal::MethodNotAllowed),
    };
    let request = Request {
        method,
        target,
        keep_alive,
    };
    Ok(Some((request, skipped + end + 4)))
}

/// Method, target, and the minor version.
fn request_line(line: &[u8]) -> Result<(&[u8], &str, u8), Refusal> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::BadRequest);
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(Refusal::BadRequest);
    }
    let minor = match version {
        b"HTTP/1.1" => 1,
        b"HTTP/1.0" => 0,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Refusal::Version);
        }
        _ => return Err(Refusal::BadRequest),
    };
    if !target.iter().all(u8::is_ascii_graphic) {
        return Err(Refusal::BadRequest);
    }
    let target = core::str::from_utf8(target).map_err(|_| Refusal::BadRequest)?;
    // The absolute form, which proxies are sent (RFC 9112, 3.2.2).
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    if path.starts_with('/') {
        Ok((method, path, minor))
    } else {
        Err(Refusal::BadRequest)
    }
}

/// What the fields of a head say, as far as it matters.
#[derive(Default)]
struct Fields {
    hosts: u32,
    length: Option<u64>,
    coding: bool,
    close: bool,
    keep_alive: bool,
}

impl Fields {
    fn take(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or(Refusal::BadRequest)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Refusal::BadRequest);
        }
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = number(value).filter(|_| self.length.is_none());
            self.length = Some(length.ok_or(Refusal::BadRequest)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coding = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    /// Whether the connection is to be used for more.
    fn verdict(&self, minor: u8) -> Result<bool, Refusal> {
        if self.hosts > 1 || (minor == 1 && self.hosts == 0) {
            return Err(Refusal::BadRequest);
        }
        if self.coding {
            return Err(Refusal::NotImplemented);
        }
        if self.length.is_some_and(|length| length != 0) {
            return Err(Refusal::BodyRefused);
        }
        Ok(!self.close && (minor == 1 || self.keep_alive))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Text in lines that end as they must; the last may not have ended yet.
fn is_sound(bytes: &[u8]) -> bool {
    let mut after_cr = false;
    bytes.iter().all(|byte| {
        let sound = match byte {
            b'\n' => after_cr,
            _ => !after_cr && (*byte == b'\r' || is_text(*byte)),
        };
        after_cr = *byte == b'\r';
        sound
    })
}

/// Bytes of a field's value (RFC 9110, 5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Bytes of a name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
