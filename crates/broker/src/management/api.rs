//! The way of one request: guards, login, body, answer.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::{HeaderMap, Method, Request, Response};
use tokio::time::{sleep, timeout};

use super::fields::Fields;
use super::flood::Flood;
use super::guard::Guard;
use super::login::Credentials;
use super::query::{Query, segments};
use super::rates::Rates;
use super::reply::{Refused, Reply, response};
use super::route::{Needs, Resource};
use super::settings::HttpSettings;
use crate::server::access::User;
use crate::server::listen::Address;
use crate::server::{Control, State};

/// The API of one broker.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) settings: HttpSettings,
    pub(super) rates: RefCell<Rates>,
    /// Where the API itself listens.
    pub(super) address: SocketAddr,
    /// Where the broker listens for clients.
    pub(super) addresses: Vec<Address>,
    pub(super) started: Instant,
    control: Control,
    guard: Guard,
    flood: RefCell<Flood>,
}

/// What a request asks for, and who asks.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) user: Arc<User>,
    pub(super) query: Query,
    pub(super) fields: Fields,
    /// The header `X-Reason`: why a connection is to be closed.
    pub(super) reason: Option<String>,
}

/// Where a request came from and to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Socket {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// What the root says to people.
const WELCOME: &str = "This is the management API of a bergen broker, a part of RabbitMQ's.\n\
    It speaks JSON under /api, for example /api/overview and /api/queues.\n";

impl Api {
    pub(super) fn new(
        settings: HttpSettings,
        address: SocketAddr,
        addresses: Vec<Address>,
        control: Control,
    ) -> Self {
        Self {
            rates: RefCell::default(),
            guard: Guard::new(&settings.hosts),
            flood: RefCell::new(Flood::new(settings.requests_per_second)),
            settings,
            address,
            addresses,
            started: Instant::now(),
            control,
        }
    }

    /// Answers one request.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
        socket: Socket,
    ) -> Response<Full<Bytes>> {
        response(self.answer(request, socket).await)
    }

    /// Asks the broker. The closure runs on the broker's thread and holds everything else up: it copies what it needs.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        self.control
            .ask(question)
            .await
            .map_err(|_| Refused::stopping())
    }

    async fn answer(&self, request: Request<Incoming>, socket: Socket) -> Result<Reply, Refused> {
        let admitted = self
            .flood
            .borrow_mut()
            .admit(socket.peer.ip(), Instant::now());
        admitted.map_err(|wait| Refused::too_many_requests(wait.as_secs() + 1))?;
        self.guard.check(request.headers(), socket.local.ip())?;
        // The password is looked at before anything else that the client says.
        let user = self.log_in(request.headers(), socket).await?;

        let path = segments(request.uri().path()).ok_or_else(Refused::not_found)?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let path = match path.as_slice() {
            [""] if request.method() == Method::GET => return Ok(Reply::Text(WELCOME)),
            ["api", path @ ..] => path,
            _ => return Err(Refused::not_found()),
        };
        let resource = Resource::of(path).ok_or_else(Refused::not_found)?;
        let methods = resource.methods();
        if !methods
            .split(", ")
            .any(|method| method == request.method().as_str())
        {
            return Err(Refused::method_not_allowed(methods));
        }
        if request.method() == Method::OPTIONS {
            return Ok(Reply::Options(methods));
        }
        self.authorise(request.method(), &resource, &user).await?;

        let method = request.method().clone();
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let reason = request
            .headers()
            .get("x-reason")
            .and_then(|reason| reason.to_str().ok());
        let reason = reason.map(str::to_owned);
        let fields = match method {
            Method::PUT | Method::POST => Fields::parse(&self.body(request.into_body()).await?)?,
            _ => Fields::default(),
        };
        self.dispatch(
            &method,
            resource,
            Call {
                user,
                query,
                fields,
                reason,
            },
        )
        .await
    }

    async fn log_in(&self, headers: &HeaderMap, socket: Socket) -> Result<Arc<User>, Refused> {
        let given = Credentials::of(headers).ok_or_else(|| Refused::login("Login failed"))?;
        let from = Some(socket.peer.ip());
        let decision = self
            .ask(move |state| {
                let now = Instant::now();
                state
                    .access_mut()
                    .check_password(&given.name, &given.password, from, now)
            })
            .await?;
        sleep(decision.after).await;
        let user = decision
            .outcome
            .map_err(|_| Refused::login("Login failed"))?;
        if !rank(&user).is_some_and(|rank| rank >= Needs::Management) {
            return Err(Refused::not_authorised("Not management user"));
        }
        Ok(user)
    }

    /// Whether the user may use the path at all.
    async fn authorise(
        &self,
        method: &Method,
        resource: &Resource<'_>,
        user: &Arc<User>,
    ) -> Result<(), Refused> {
        let needs = resource.needs();
        let allowed = match needs {
            Needs::PolicyMaker => user.has_tag("policymaker") || user.has_tag("administrator"),
            needs => rank(user).is_some_and(|rank| rank >= needs),
        };
        if !allowed {
            return Err(Refused::not_authorised(match needs {
                Needs::Administrator => "Not administrator user",
                Needs::Monitoring => "Not monitor user",
                _ => "User not authorised to access object",
            }));
        }
        let Some(vhost) = resource.virtual_host() else {
            return Ok(());
        };
        let name = vhost.to_owned();
        if !self.ask(move |state| state.host(&name).is_some()).await? {
            let makes = matches!(*method, Method::PUT | Method::POST);
            return Err(if makes {
                Refused::no_virtual_host()
            } else {
                Refused::not_found()
            });
        }
        // The list of consumers is cut down to what the user may see instead.
        if matches!(resource, Resource::Consumers(_)) || user.may_enter(vhost) {
            return Ok(());
        }
        Err(Refused::not_authorised(
            "User not authorised to access virtual host",
        ))
    }

    /// The body, if it is not too long and does not take too long.
    async fn body(&self, body: Incoming) -> Result<Bytes, Refused> {
        let limit = self.settings.max_body;
        if body.size_hint().lower() > limit as u64 {
            return Err(Refused::too_large(limit));
        }
        match timeout(self.settings.timeout, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refused::too_large(limit)),
            Ok(Err(_)) => Err(Refused::bad_request("the body is broken")),
            Err(_) => Err(Refused::too_slow()),
        }
    }
}

/// Whether the user sees the connections of others.
pub(super) fn is_monitor(user: &User) -> bool {
    rank(user).is_some_and(|rank| rank >= Needs::Monitoring)
}

/// What the user's tags amount to.
fn rank(user: &User) -> Option<Needs> {
    [
        ("administrator", Needs::Administrator),
        ("monitoring", Needs::Monitoring),
        ("policymaker", Needs::Management),
        ("management", Needs::Management),
    ]
    .into_iter()
    .find_map(|(tag, rank)| user.has_tag(tag).then_some(rank))
}
