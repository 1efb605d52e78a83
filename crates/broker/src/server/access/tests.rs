use super::*;

fn from(address: &str) -> Peer {
    Peer::tcp(address.parse().unwrap(), "127.0.0.1:5672".parse().unwrap())
}

fn here() -> Peer {
    from("127.0.0.1:1000")
}

fn there() -> Peer {
    from("192.0.2.1:1000")
}

fn log_in(access: &mut Access, login: &Login, peer: &Peer) -> Result<String, String> {
    let decision = access.log_in(login, peer, Instant::now());
    decision.outcome.map(|user| user.name().to_owned())
}

fn refused(mechanism: &str) -> Result<String, String> {
    Err(format!(
        "ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. \
         For details see the broker logfile."
    ))
}

#[test]
fn guest_is_there_when_nobody_else_is_and_only_here() {
    let mut access = Access::default();
    let guest = Login::plain("guest", "guest");
    assert_eq!(log_in(&mut access, &guest, &here()), Ok("guest".to_owned()));
    assert_eq!(
        log_in(&mut access, &guest, &Peer::unix()),
        Ok("guest".to_owned())
    );
    assert_eq!(log_in(&mut access, &guest, &there()), refused("PLAIN"));
    assert_eq!(
        log_in(&mut access, &guest, &from("[::1]:1")),
        Ok("guest".to_owned())
    );
    assert!(!access.admits_others());
    let ip = |peer: &Peer| peer.peer.map(|address| address.ip());
    let now = Instant::now();
    assert!(
        access
            .check_password("guest", "guest", ip(&here()), now)
            .outcome
            .is_ok()
    );
    assert!(
        access
            .check_password("guest", "guest", ip(&there()), now)
            .outcome
            .is_err()
    );
    assert_eq!(access.failed_logins(), 2);

    let mut access = Access::new([User::new("nova", PasswordHash::new("s3cret"))]).unwrap();
    assert_eq!(log_in(&mut access, &guest, &here()), refused("PLAIN"));
    assert!(access.admits_others());
}

#[test]
fn guest_with_a_password_of_its_own_is_a_user_like_others() {
    let mut access = Access::default();
    access.put_user(User::new("guest", PasswordHash::new("s3cret")));
    let login = Login::plain("guest", "s3cret");
    assert_eq!(
        log_in(&mut access, &login, &there()),
        Ok("guest".to_owned())
    );
}

#[test]
fn passwords_by_both_mechanisms() {
    let mut access = Access::new([
        User::new("nova", PasswordHash::new("s3cret")),
        User::without_password("certified"),
    ])
    .unwrap();
    for (login, mechanism, is_good) in [
        (Login::plain("nova", "s3cret"), "PLAIN", true),
        (Login::amqplain("nova", "s3cret"), "AMQPLAIN", true),
        (Login::plain("nova", "secret"), "PLAIN", false),
        (Login::amqplain("nova", ""), "AMQPLAIN", false),
        (Login::plain("nobody", "nobody"), "PLAIN", false),
        (Login::plain("", ""), "PLAIN", false),
        (Login::plain("certified", ""), "PLAIN", false),
        (Login::plain("certified", "nobody"), "PLAIN", false),
    ] {
        let expected = if is_good {
            Ok("nova".to_owned())
        } else {
            refused(mechanism)
        };
        assert_eq!(log_in(&mut access, &login, &there()), expected, "{login:?}");
    }
    assert_eq!(access.failed_logins(), 6);
}

#[test]
fn a_failed_login_waits_for_its_answer_and_a_good_one_does_not() {
    let mut access = Access::new([User::new("nova", PasswordHash::new("s3cret"))]).unwrap();
    let now = Instant::now();
    let (good, bad) = (Login::plain("nova", "s3cret"), Login::plain("nova", "no"));
    assert_eq!(access.log_in(&good, &there(), now).after, Duration::ZERO);
    let waits: Vec<_> = (0..3)
        .map(|_| access.log_in(&bad, &there(), now).after)
        .collect();
    assert_eq!(waits, [100, 200, 400].map(Duration::from_millis));
    let elsewhere = from("192.0.2.2:1");
    assert_eq!(access.log_in(&good, &elsewhere, now).after, Duration::ZERO);
}

#[test]
fn external_takes_the_certificates_name() {
    let mut access = Access::new([User::without_password("compute-1")]).unwrap();
    let certified = |name: Option<&str>| there().with_tls(name.map(str::to_owned));
    assert_eq!(
        log_in(&mut access, &Login::External, &certified(Some("compute-1"))),
        Ok("compute-1".to_owned())
    );
    for peer in [certified(Some("compute-2")), certified(None), there()] {
        assert_eq!(
            log_in(&mut access, &Login::External, &peer),
            refused("EXTERNAL")
        );
    }
    assert_eq!(access.mechanisms(&there()), ["PLAIN", "AMQPLAIN"]);
    assert_eq!(access.mechanisms(&certified(None)), ["PLAIN", "AMQPLAIN"]);
    let with_name = certified(Some("x"));
    assert_eq!(
        access.mechanisms(&with_name),
        ["PLAIN", "AMQPLAIN", "EXTERNAL"]
    );
}

#[test]
fn virtual_hosts_are_entered_with_permissions_only() {
    let nova = User::new("nova", PasswordHash::new("s3cret")).permit("h4", Permissions::full());
    let access = Access::new([nova.clone()]).unwrap();
    assert_eq!(access.enter(&nova, "h4", true).unwrap().user(), "nova");
    for (virtual_host, exists, text) in [
        (
            "/",
            true,
            "NOT_ALLOWED - access to vhost '/' refused for user 'nova'",
        ),
        ("nope", false, "NOT_ALLOWED - vhost nope not found"),
    ] {
        let refusal = access.enter(&nova, virtual_host, exists).unwrap_err();
        assert_eq!((refusal.code, refusal.text.as_str()), (530, text));
        assert_eq!(refusal.scope, Scope::Connection);
    }
}

#[test]
fn users_change_while_the_broker_runs() {
    let mut access = Access::default();
    access.put_user(User::new("nova", PasswordHash::new("s3cret")).tag("monitoring"));
    let may_enter = |access: &Access| access.user("nova").unwrap().may_enter("h4");
    assert!(!may_enter(&access));
    assert!(access.set_permissions("nova", "h4", Some(Permissions::full())));
    assert!(may_enter(&access));
    assert!(access.set_permissions("nova", "h4", None));
    assert!(!may_enter(&access));
    assert!(!access.set_permissions("nobody", "h4", None));
    assert!(access.remove_user("nova") && !access.remove_user("nova"));
    let login = Login::plain("nova", "s3cret");
    assert_eq!(log_in(&mut access, &login, &here()), refused("PLAIN"));
}

#[test]
fn users_that_do_not_go_together_are_refused() {
    let user = |name| User::new(name, PasswordHash::new("s3cret"));
    let error = Access::new([user("nova"), user("nova")]).unwrap_err();
    assert_eq!(error.to_string(), "user \"nova\" is given twice");
    assert_eq!(Access::new([user("")]).unwrap_err(), AccessError::NoName);
    assert_eq!(Access::new([]).unwrap_err(), AccessError::NoUsers);
}
