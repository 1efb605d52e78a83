//! How passwords are kept: salted and hashed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

#[cfg(test)]
mod tests;

/// A salted hash of a password, in RabbitMQ's own format: `base64(salt ‖ hash(salt ‖ password))` with a salt of four
/// bytes. What `rabbitmqctl export_definitions` shows as `password_hash` can be used here, and the other way round.
///
/// `Debug` shows the algorithm only.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    algorithm: Algorithm,
    salt: [u8; SALT],
    digest: Vec<u8>,
}

/// A text that is no [`PasswordHash`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordHashError {
    /// It is not base64.
    #[error("a password hash is base64; make one with `bergen broker hash-password`")]
    NotBase64,
    /// Salt and hash have another length.
    #[error(
        "a password hash holds {expected} bytes, this one {actual}; make one with `bergen broker hash-password`"
    )]
    WrongLength {
        /// For its algorithm.
        expected: usize,
        /// As given.
        actual: usize,
    },
}

/// Bytes of salt before the hash: RabbitMQ's number.
const SALT: usize = 4;
/// What stands before hashes that are not of RabbitMQ's default algorithm.
const SHA512: &str = "sha512:";
/// May stand before those that are.
const SHA256: &str = "sha256:";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl PasswordHash {
    /// Hashes a password with SHA-256, RabbitMQ's default, and a salt of its own.
    pub fn new(password: &str) -> Self {
        // A salt has to differ from other salts, not to be secret.
        let salt = fastrand::u32(..).to_be_bytes();
        Self {
            algorithm: Algorithm::Sha256,
            salt,
            digest: Algorithm::Sha256.digest(salt, password),
        }
    }

    /// Reads a hash: base64 as RabbitMQ writes it, of SHA-256 unless `sha512:` stands before it.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let (algorithm, base64) = match text.strip_prefix(SHA512) {
            Some(rest) => (Algorithm::Sha512, rest),
            None => (Algorithm::Sha256, text.strip_prefix(SHA256).unwrap_or(text)),
        };
        let bytes = STANDARD
            .decode(base64)
            .map_err(|_| PasswordHashError::NotBase64)?;
        let expected = SALT + algorithm.length();
        match bytes.split_first_chunk() {
            Some((&salt, digest)) if bytes.len() == expected => Ok(Self {
                algorithm,
                salt,
                digest: digest.to_vec(),
            }),
            _ => Err(PasswordHashError::WrongLength {
                expected,
                actual: bytes.len(),
            }),
        }
    }

    /// Whether it is the hash of this password. Takes as long for any password of the same length. An empty password
    /// is never right, as in RabbitMQ.
    pub fn verify(&self, password: &str) -> bool {
        let digest = self.algorithm.digest(self.salt, password);
        let equal: bool = digest.ct_eq(&self.digest).into();
        equal && !password.is_empty()
    }

    /// Salt and hash in base64, without a word on the algorithm: RabbitMQ's `password_hash`.
    pub fn base64(&self) -> String {
        STANDARD.encode([&self.salt[..], &self.digest].concat())
    }

    /// RabbitMQ's name of the algorithm: its `hashing_algorithm`.
    pub fn algorithm(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Sha256 => "rabbit_password_hashing_sha256",
            Algorithm::Sha512 => "rabbit_password_hashing_sha512",
        }
    }
}

/// What [`PasswordHash::parse`] reads.
impl fmt::Display for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.algorithm == Algorithm::Sha512 {
            formatter.write_str(SHA512)?;
        }
        formatter.write_str(&self.base64())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PasswordHash({:?})", self.algorithm)
    }
}

impl Algorithm {
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn digest(self, salt: [u8; SALT], password: &str) -> Vec<u8> {
        let salted = [&salt[..], password.as_bytes()].concat();
        match self {
            Self::Sha256 => Sha256::digest(salted).to_vec(),
            Self::Sha512 => Sha512::digest(salted).to_vec(),
        }
    }
}
