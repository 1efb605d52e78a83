//! Passwords and virtual hosts, as a client sees them.

use std::time::{Duration, Instant};

use bergen_amqp::client::{ConnectError, ConnectOptions, Connection, Login};
use bergen_broker::core::HostSettings;
use bergen_broker::{Access, Broker, PasswordHash, Permissions, User};
use tokio::task::JoinSet;

use super::{broker, log_in, options, port, within};

#[tokio::test]
async fn both_mechanisms_take_the_right_password_and_no_other() {
    let broker = broker().await;
    for login in [
        Login::plain("nova", "s3cret"),
        Login::amqplain("nova", "s3cret"),
    ] {
        log_in(port(&broker), login).await.unwrap();
    }
    for login in [
        Login::plain("nova", "secret"),
        Login::amqplain("nova", ""),
        Login::plain("guest", "guest"),
        Login::plain("nobody", "s3cret"),
    ] {
        let mechanism = login.mechanism();
        let error = log_in(port(&broker), login).await.unwrap_err();
        let ConnectError::AccessRefused { text, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(
            text,
            format!(
                "ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. \
                 For details see the broker logfile."
            )
        );
    }
    let failed = broker.control().ask(|state| state.access().failed_logins());
    assert_eq!(failed.await.unwrap(), 4);
}

#[tokio::test]
async fn a_login_that_is_not_offered_is_not_taken() {
    let broker = broker().await;
    let error = log_in(port(&broker), Login::External).await.unwrap_err();
    let ConnectError::MechanismNotOffered { offered, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(offered, "PLAIN AMQPLAIN");
}

/// Wrong passwords are answered late, and nobody else waits for that.
#[tokio::test]
async fn who_guesses_waits_and_nobody_else() {
    let broker = broker().await;
    let port = port(&broker);
    let mut guesses = JoinSet::new();
    for number in 0..8 {
        guesses.spawn(async move {
            let start = Instant::now();
            let guess = Login::plain("nova", format!("s3cret{number}"));
            log_in(port, guess).await.unwrap_err();
            start.elapsed()
        });
    }
    let mut slowest_good = Duration::ZERO;
    let mut good = 0;
    while !guesses.is_empty() {
        let start = Instant::now();
        log_in(port, Login::plain("neutron", "s3cret"))
            .await
            .unwrap();
        slowest_good = slowest_good.max(start.elapsed());
        good += 1;
        // The first guess waits 0.1 s, the sixth and later ones 3 s.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Some(took) = guesses.try_join_next() {
            let took = took.unwrap();
            assert!(took >= Duration::from_millis(100), "{took:?}");
        }
        assert!(good <= 400, "guesses were never answered");
    }
    assert!(good > 20, "guessing took too little time: {good}");
    assert!(slowest_good < Duration::from_secs(2), "{slowest_good:?}");
}

#[tokio::test]
async fn virtual_hosts_open_for_those_who_have_permissions() {
    let nova = User::new("nova", PasswordHash::new("s3cret")).permit("h4", Permissions::full());
    let mut settings = HostSettings::default();
    settings.name = "h4".into();
    let broker = Broker::builder()
        .access(Access::new([nova]).unwrap())
        .virtual_host(settings)
        .start()
        .await
        .unwrap();
    let open = async |virtual_host: &str| {
        let options = ConnectOptions {
            virtual_host: virtual_host.to_owned(),
            ..options(port(&broker), Login::plain("nova", "s3cret"))
        };
        within(Box::pin(Connection::open(options))).await.map(drop)
    };
    open("h4").await.unwrap();
    let ConnectError::VirtualHostRefused { text, .. } = open("/").await.unwrap_err() else {
        panic!("not refused")
    };
    let refused = "NOT_ALLOWED - access to vhost '/' refused for user 'nova'";
    assert_eq!(text, refused);
    let ConnectError::VirtualHostNotFound { text, .. } = open("nope").await.unwrap_err() else {
        panic!("found")
    };
    assert_eq!(text, "NOT_ALLOWED - vhost nope not found");
}
