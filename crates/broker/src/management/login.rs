//! Basic authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

/// A name and its password.
#[derive(PartialEq)]
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: String,
}

impl Credentials {
    /// Those of the request, if it has exactly one pair.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        Some(Self {
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::Credentials;

    fn read(values: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("authorization", value.parse().unwrap());
        }
        Credentials::of(&headers).map(|found| (found.name, found.password))
    }

    #[test]
    fn one_pair_of_name_and_password_is_read() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(read(&["Basic Z3Vlc3Q6Z3Vlc3Q="]), pair("guest", "guest"));
        assert_eq!(read(&["basic YTpiOmM="]), pair("a", "b:c"));
        for broken in [
            "Basic",
            "Basic %%%",
            "Bearer Z3Vlc3Q6Z3Vlc3Q=",
            "Basic Z3Vlc3Q=",
            "Basic /w==",
            "",
        ] {
            assert_eq!(read(&[broken]), None, "{broken}");
        }
        assert_eq!(read(&["Basic YTpi", "Basic YTpi"]), None);
        assert_eq!(read(&[]), None);
    }
}
