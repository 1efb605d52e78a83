//! Versions of APIs and methods, checked when the program is compiled.

use proc_macro2::Span;
use syn::LitStr;

/// `major.minor` or `major.minor.revision`, as it was written.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) text: LitStr,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) revision: u32,
}

impl Version {
    pub(crate) fn parse(text: LitStr) -> syn::Result<Self> {
        let wrong = || {
            syn::Error::new(
                text.span(),
                format!(
                    "`{}` is not a version: write major.minor, as in \"1.3\"",
                    text.value()
                ),
            )
        };
        let numbers: Vec<u32> = text
            .value()
            .split('.')
            .map(number)
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let (major, minor, revision) = match numbers.as_slice() {
            [major, minor] => (*major, *minor, 0),
            [major, minor, revision] => (*major, *minor, *revision),
            _ => return Err(wrong()),
        };
        Ok(Self {
            text,
            major,
            minor,
            revision,
        })
    }

    /// Whether a server of version `self` answers a request for `wanted`: the rule of the wire.
    pub(crate) fn serves(&self, wanted: &Self) -> bool {
        self.major == wanted.major && (wanted.minor, wanted.revision) <= (self.minor, self.revision)
    }

    pub(crate) fn span(&self) -> Span {
        self.text.span()
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
