//! The guard: who is let in, and the headers that every answer carries.
//!
//! A page of another origin may make the browser send requests here, and with a name that it lets point at this machine
//! it may even read the answers. So the `Host` has to be ours, an `Origin` has to be ours, and whatever shows or changes
//! the repository wants the token in a header, which no other page has, and which cannot be sent without being asked for.

use std::hint::black_box;

use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;

/// The word that lets in.
#[derive(Clone)]
pub struct Token(String);

/// How many bytes of chance are in it.
const CHANCE: usize = 32;

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no chance to give.
    pub fn new() -> Result<Token, getrandom::Error> {
        let mut bytes = [0; CHANCE];
        getrandom::fill(&mut bytes)?;
        Ok(Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// For the address that is printed, and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is this one; the time that it takes tells nothing of where the two differ.
    fn is(&self, word: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differs =
            own.iter().zip(word).fold(0, |differs, (one, other)| black_box(differs | (one ^ other)));
        own.len() == word.len() && differs == 0
    }
}

/// Who is let in at one port.
#[derive(Clone)]
pub struct Guard {
    token: Token,
    hosts: [String; 2],
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned {
    /// The status.
    pub status: StatusCode,
    /// The reason in words.
    pub why: &'static str,
}

/// The folder of all that shows or changes the repository.
const INSIDE: &str = "/api/";

impl Guard {
    /// The guard of a port.
    pub fn of(port: u16, token: Token) -> Guard {
        Guard { token, hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")] }
    }

    /// Judges a request by its head.
    ///
    /// # Errors
    /// The reason to turn it away.
    pub fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Turned> {
        let turned = |status, why| Err(Turned { status, why });
        let is_ours = |host: &str| self.hosts.iter().any(|own| host.eq_ignore_ascii_case(own));
        let host = only(headers, header::HOST);
        if !host.is_some_and(is_ours) || uri.authority().is_some_and(|named| !is_ours(named.as_str())) {
            return turned(StatusCode::MISDIRECTED_REQUEST, "the request is for another host");
        }
        if headers.contains_key(header::ORIGIN) {
            let origin = only(headers, header::ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
            if !origin.is_some_and(is_ours) {
                return turned(StatusCode::FORBIDDEN, "the request comes from another origin");
            }
        }
        let site = HeaderName::from_static("sec-fetch-site");
        if headers.contains_key(&site) && !matches!(only(headers, site), Some("same-origin" | "none")) {
            return turned(StatusCode::FORBIDDEN, "the request comes from another site");
        }
        if !uri.path().starts_with(INSIDE) {
            return Ok(());
        }
        let word = only(headers, header::AUTHORIZATION).and_then(|word| word.strip_prefix("Bearer "));
        if !word.is_some_and(|word| self.token.is(word.as_bytes())) {
            return turned(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
        }
        if *method == Method::POST && only(headers, header::CONTENT_TYPE) != Some("application/json") {
            return turned(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request is not JSON");
        }
        Ok(())
    }
}

/// A header that is there once, and is text.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

/// Scripts and styles of ours and nothing else; no text becomes HTML; nobody frames the page.
const CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// Puts the headers on an answer that all carry.
pub fn dress(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_another_each_time() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_eq!(one.reveal().len(), 2 * CHANCE);
        assert_ne!(one.reveal(), other.reveal());
        assert!(one.is(one.reveal().as_bytes()));
        let shorter = &one.reveal()[..63];
        let longer = format!("{}0", one.reveal());
        for wrong in ["", shorter, &longer, other.reveal()] {
            assert!(!one.is(wrong.as_bytes()), "{wrong}");
        }
    }

    /// The judgement on a request to our host with the token and JSON, but for what is changed.
    fn judged(method: &str, uri: &str, changed: &[(&'static str, &str)]) -> Option<u16> {
        let guard = Guard::of(4000, Token("secret".to_owned()));
        let mut headers = HeaderMap::new();
        let usual = [
            ("host", "127.0.0.1:4000"),
            ("authorization", "Bearer secret"),
            ("content-type", "application/json"),
        ];
        for (name, value) in usual.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name))
        {
            headers.append(*name, HeaderValue::from_static(value));
        }
        for (name, value) in changed.iter().filter(|(_, value)| *value != "-") {
            headers.append(*name, value.parse().unwrap());
        }
        let verdict = guard.judge(&method.parse().unwrap(), &uri.parse().unwrap(), &headers);
        verdict.err().map(|turned| turned.status.as_u16())
    }

    #[test]
    fn the_page_is_let_in() {
        assert_eq!(judged("GET", "/api/board", &[]), None);
        assert_eq!(judged("GET", "/api/board", &[("host", "LOCALHOST:4000"), ("content-type", "-")]), None);
        let own = [("origin", "http://127.0.0.1:4000"), ("sec-fetch-site", "same-origin")];
        assert_eq!(judged("POST", "/api/review/auth", &own), None);
        assert_eq!(judged("GET", "/style.css", &[("authorization", "-")]), None, "it holds no secret");
    }

    #[test]
    fn a_name_that_points_here_is_not_ours() {
        for host in [
            "-",
            "evil.example",
            "evil.example:4000",
            "127.0.0.1",
            "127.0.0.1:4001",
            "127.0.0.1:4000.evil.example",
        ] {
            assert_eq!(judged("GET", "/api/board", &[("host", host)]), Some(421), "{host}");
            assert_eq!(judged("GET", "/", &[("host", host)]), Some(421), "{host}");
        }
        let twice = [("host", "127.0.0.1:4000"), ("host", "evil.example")];
        assert_eq!(judged("GET", "/", &twice), Some(421));
        assert_eq!(judged("GET", "http://evil.example/api/board", &[]), Some(421));
    }

    #[test]
    fn pages_of_others_are_turned_away() {
        for origin in ["null", "", "https://127.0.0.1:4000", "http://127.0.0.1:4001", "http://evil.example"] {
            assert_eq!(judged("POST", "/api/review/auth", &[("origin", origin)]), Some(403), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(judged("GET", "/api/board", &[("sec-fetch-site", site)]), Some(403), "{site}");
        }
    }

    #[test]
    fn nothing_is_told_without_the_token() {
        for word in
            ["-", "", "secret", "Bearer", "Bearer ", "Bearer secreT", "Bearer secret2", "Basic secret"]
        {
            assert_eq!(judged("GET", "/api/board", &[("authorization", word)]), Some(401), "{word}");
            assert_eq!(judged("GET", "/api/nothing", &[("authorization", word)]), Some(401), "{word}");
        }
        let twice = [("authorization", "Bearer secret"), ("authorization", "Bearer x")];
        assert_eq!(judged("GET", "/api/board", &twice), Some(401));
    }

    #[test]
    fn what_a_form_can_send_is_not_taken() {
        for kind in ["-", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            assert_eq!(judged("POST", "/api/review/auth", &[("content-type", kind)]), Some(415), "{kind}");
        }
    }
}
