//! Who may connect, and what they may do: users, passwords, permissions.

mod failures;
mod password;
mod permissions;
mod rights;
mod user;
mod users_file;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bergen_amqp::protocol::Login;

use self::failures::FailedLogins;
pub use self::password::{PasswordHash, PasswordHashError};
pub use self::permissions::{PatternError, Permissions};
pub use self::rights::Rights;
pub use self::user::User;
pub use self::users_file::{UsersFileError, read_users_file};
use super::listen::Peer;
use crate::core::{Refusal, Scope};

#[cfg(test)]
mod tests;

/// The users of a broker.
///
/// Without any given there is one, `guest` with the password `guest`, who may do everything, but only from this
/// machine: RabbitMQ's default.
#[derive(Debug)]
pub struct Access {
    users: BTreeMap<Arc<str>, Arc<User>>,
    /// The user that only this machine may use.
    local_only: Option<Arc<str>>,
    /// What unknown users' passwords are compared with, so that they take as long as known ones.
    nobody: PasswordHash,
    failures: FailedLogins,
}

/// Users that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// Nobody could log in.
    #[error("there is no user: nobody could log in")]
    NoUsers,
    /// Two have one name.
    #[error("user {name:?} is given twice")]
    Duplicate {
        /// Their name.
        name: String,
    },
    /// A name that cannot be logged in with.
    #[error("a user needs a name")]
    NoName,
}

/// The answer to a login, and when to give it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoginDecision {
    /// Who it is; or what to tell who was refused, in RabbitMQ's words, which say nothing of the reason.
    pub outcome: Result<Arc<User>, String>,
    /// How long the answer is to wait. Zero for those who come with the right password, unless their address has
    /// been guessing; after failures 100 ms, doubled with each up to 3 s.
    pub after: Duration,
}

/// The user that is there when no other is.
const GUEST: &str = "guest";
/// The mechanisms for passwords. `PLAIN` is the first that clients find.
const BY_PASSWORD: [&str; 2] = ["PLAIN", "AMQPLAIN"];
/// The mechanism for client certificates.
const EXTERNAL: &str = "EXTERNAL";

impl Default for Access {
    fn default() -> Self {
        let guest = User::new(GUEST, PasswordHash::new(GUEST)).full_access();
        let mut access = Self::empty();
        access.put_user(guest);
        access.local_only = Some(GUEST.into());
        access
    }
}

impl Access {
    /// These users and no other: there is no `guest` but the one that is among them.
    pub fn new(users: impl IntoIterator<Item = User>) -> Result<Self, AccessError> {
        let mut access = Self::empty();
        for user in users {
            if user.name().is_empty() {
                return Err(AccessError::NoName);
            }
            if access.users.contains_key(user.name()) {
                let name = user.name().to_owned();
                return Err(AccessError::Duplicate { name });
            }
            access.put_user(user);
        }
        if access.users.is_empty() {
            return Err(AccessError::NoUsers);
        }
        Ok(access)
    }

    /// Whether anybody may log in from elsewhere than this machine.
    pub fn admits_others(&self) -> bool {
        self.users
            .keys()
            .any(|name| self.local_only.as_ref() != Some(name))
    }

    /// The name and password of the user that is there when no other is.
    pub(crate) fn local_login(&self) -> Option<(String, String)> {
        let name = self.local_only.as_deref()?;
        Some((name.to_owned(), name.to_owned()))
    }

    /// The users in order of their names.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// Adds a user, or puts it in the place of the one that has its name. Connections that are open stay what they are.
    pub fn put_user(&mut self, user: User) {
        // `guest` with a password of one's own is a user like others.
        if self.local_only.as_deref() == Some(user.name()) {
            self.local_only = None;
        }
        self.users
            .insert(Arc::clone(user.shared_name()), Arc::new(user));
    }

    /// Removes a user; whether there was one.
    pub fn remove_user(&mut self, name: &str) -> bool {
        self.users.remove(name).is_some()
    }

    /// What a user may do in a virtual host from now on, or `None` for nothing; whether there is such a user.
    /// Connections keep what they were opened with.
    pub fn set_permissions(
        &mut self,
        user: &str,
        virtual_host: &str,
        permissions: Option<Permissions>,
    ) -> bool {
        let Some(user) = self.users.get_mut(user) else {
            return false;
        };
        let user = Arc::make_mut(user);
        match permissions {
            Some(permissions) => user.set_permissions(virtual_host, permissions),
            None => user.clear_permissions(virtual_host),
        }
        true
    }

    /// Logins that failed since the start.
    pub fn failed_logins(&self) -> u64 {
        self.failures.total()
    }

    /// The mechanisms to offer: `EXTERNAL` only to those who have shown a certificate.
    pub fn mechanisms(&self, peer: &Peer) -> Vec<String> {
        let external = peer.certificate_name().map(|_| EXTERNAL);
        let all = BY_PASSWORD.into_iter().chain(external);
        all.map(str::to_owned).collect()
    }

    /// Decides a login over AMQP.
    pub fn log_in(&mut self, login: &Login, peer: &Peer, now: Instant) -> LoginDecision {
        let from = peer.peer.map(|address| address.ip());
        let mechanism = login.mechanism();
        let (name, outcome) = match login {
            Login::Plain { username, password } | Login::AmqPlain { username, password } => {
                let outcome = self.verify(username, password, peer.loopback);
                (username.as_str(), outcome)
            }
            Login::External => {
                let name = peer.certificate_name().unwrap_or_default();
                (name, self.by_certificate(peer))
            }
            _ => ("", Err("the mechanism is not known")),
        };
        let name = name.to_owned();
        self.decide(&name, mechanism, outcome, from, now)
    }

    /// Decides a login by name and password that came another way: HTTP. `from` is `None` for those without an address,
    /// who are on this machine.
    pub fn check_password(
        &mut self,
        name: &str,
        password: &str,
        from: Option<IpAddr>,
        now: Instant,
    ) -> LoginDecision {
        let is_local = from.is_none_or(|address| address.to_canonical().is_loopback());
        let outcome = self.verify(name, password, is_local);
        self.decide(name, "PLAIN", outcome, from, now)
    }

    /// Lets a user into a virtual host, `exists` telling whether that is there; or refuses as RabbitMQ does.
    pub fn enter(&self, user: &User, virtual_host: &str, exists: bool) -> Result<Rights, Refusal> {
        let refuse = |text| Refusal {
            code: 530,
            text,
            scope: Scope::Connection,
        };
        if !exists {
            return Err(refuse(format!(
                "NOT_ALLOWED - vhost {virtual_host} not found"
            )));
        }
        match user.permissions_in(virtual_host) {
            Some(permissions) => Ok(Rights::new(user, virtual_host, permissions)),
            None => Err(refuse(format!(
                "NOT_ALLOWED - access to vhost '{virtual_host}' refused for user '{}'",
                user.name()
            ))),
        }
    }

    fn empty() -> Self {
        Self {
            users: BTreeMap::new(),
            local_only: None,
            nobody: PasswordHash::new("nobody"),
            failures: FailedLogins::default(),
        }
    }

    fn verify(
        &self,
        name: &str,
        password: &str,
        is_local: bool,
    ) -> Result<Arc<User>, &'static str> {
        let user = self.users.get(name);
        let known = user.and_then(|user| user.password());
        let is_right = known.unwrap_or(&self.nobody).verify(password);
        match user {
            None => Err("there is no such user"),
            Some(_) if known.is_none() => Err("this user has no password"),
            Some(_) if !is_right => Err("the password is wrong"),
            Some(user) if self.local_only.as_deref() == Some(user.name()) && !is_local => {
                Err("this user can only connect from this machine")
            }
            Some(user) => Ok(Arc::clone(user)),
        }
    }

    fn by_certificate(&self, peer: &Peer) -> Result<Arc<User>, &'static str> {
        let name = peer
            .certificate_name()
            .ok_or("there is no certificate with one common name")?;
        let user = self.users.get(name);
        user.map(Arc::clone)
            .ok_or("there is no user of the certificate's common name")
    }

    fn decide(
        &mut self,
        name: &str,
        mechanism: &str,
        outcome: Result<Arc<User>, &'static str>,
        from: Option<IpAddr>,
        now: Instant,
    ) -> LoginDecision {
        let reason = match outcome {
            Ok(user) => {
                return LoginDecision {
                    outcome: Ok(user),
                    after: self.failures.good(from, now),
                };
            }
            Err(reason) => reason,
        };
        let (in_a_row, after) = self.failures.failed(from, now);
        // Who goes on failing does not fill the log.
        if in_a_row.is_power_of_two() {
            let from = from.map_or_else(|| "this machine".to_owned(), |from| from.to_string());
            let name: String = name.chars().take(LOGGED_NAME).collect();
            tracing::warn!(user = ?name, from, in_a_row, "a login by {mechanism} was refused: {reason}");
        }
        LoginDecision {
            outcome: Err(format!(
                "ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. \
                 For details see the broker logfile."
            )),
            after,
        }
    }
}

/// As many characters of a wrong user's name are logged.
const LOGGED_NAME: usize = 64;
