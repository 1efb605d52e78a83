//! Each login mechanism as RabbitMQ sees it.

use std::time::Duration;

use bergen_amqp::client::{ConnectError, ConnectOptions, Connection, Login};
use bergen_testbed::{Management, TestVhost};

use crate::tls::{as_nova, behind_tls, certificates};

/// User and mechanism of the connection with this name, as the broker's management shows them.
async fn seen(management: &Management, name: &str) -> (String, String) {
    let path = "connections";
    let is_it = |connection: &serde_json::Value| {
        connection["client_properties"]["connection_name"] == name && connection["user"].is_string()
    };
    let all = management.wait_for(path, Duration::from_secs(20), |all| {
        all.as_array().unwrap().iter().any(is_it)
    });
    let all = all.await.unwrap();
    let found = all.as_array().unwrap().iter().find(|one| is_it(one));
    let text = |key: &str| found.unwrap()[key].as_str().unwrap().to_owned();
    (text("user"), text("auth_mechanism"))
}

#[tokio::test]
async fn the_broker_sees_the_mechanism_that_was_asked_for() {
    let vhost = TestVhost::new("logins").await.unwrap();
    let rabbit = vhost.rabbit();
    for login in [
        Login::plain(rabbit.user(), rabbit.password()),
        Login::amqplain(rabbit.user(), rabbit.password()),
    ] {
        let mechanism = login.mechanism();
        let name = format!("{}-{mechanism}", vhost.name());
        let options = ConnectOptions {
            port: rabbit.port(),
            virtual_host: vhost.name().to_owned(),
            login,
            connection_name: Some(name.clone()),
            ..ConnectOptions::default()
        };
        let (connection, _events) = Connection::open(options).await.unwrap();
        let expected = (rabbit.user().to_owned(), mechanism.to_owned());
        assert_eq!(seen(vhost.management(), &name).await, expected);
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn odd_names_and_passwords_pass_by_both_mechanisms() {
    let vhost = TestVhost::new("odd-logins").await.unwrap();
    let rabbit = vhost.rabbit();
    let (user, password) = ("amqp tests/ü%", "p/ä:ss@ \u{1f984}\t#?");
    vhost
        .management()
        .create_user(user, password, vhost.name())
        .await
        .unwrap();
    for login in [
        Login::plain(user, password),
        Login::amqplain(user, password),
    ] {
        let options = ConnectOptions {
            port: rabbit.port(),
            virtual_host: vhost.name().to_owned(),
            login,
            ..ConnectOptions::default()
        };
        let (connection, _events) = Connection::open(options).await.unwrap();
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_broker_without_the_plugin_offers_no_login_by_certificate() {
    let vhost = TestVhost::new("no-external").await.unwrap();
    let options = ConnectOptions {
        port: vhost.rabbit().port(),
        login: Login::External,
        ..ConnectOptions::default()
    };
    let error = Connection::open(options).await.map(drop).unwrap_err();
    assert!(
        matches!(&error, ConnectError::MechanismNotOffered { wanted: "EXTERNAL", offered, .. }
            if offered.contains("AMQPLAIN")),
        "{error:?}"
    );
}

#[tokio::test]
async fn external_is_who_the_client_certificate_says() {
    let certificates = certificates();
    let node = behind_tls(&certificates, true)
        .plugin("rabbitmq_auth_mechanism_ssl")
        .config("auth_mechanisms.1 = EXTERNAL")
        .config("ssl_cert_login_from = common_name")
        .start()
        .await
        .unwrap();
    let management = node.management();
    let options = ConnectOptions {
        port: node.tls_port().unwrap(),
        login: Login::External,
        tls: Some(as_nova(&certificates)),
        connection_name: Some("external".to_owned()),
        ..ConnectOptions::default()
    };

    let stranger = Connection::open(options.clone()).await.map(drop);
    let error = stranger.unwrap_err();
    assert!(
        matches!(&error, ConnectError::AccessRefused { username: None, .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("the client certificate's user"), "{text}");

    management.create_user("nova", "", "/").await.unwrap();
    let (connection, _events) = Connection::open(options.clone()).await.unwrap();
    let expected = ("nova".to_owned(), "EXTERNAL".to_owned());
    assert_eq!(seen(&management, "external").await, expected);
    connection.close().await.unwrap();

    // Whoever asks for another mechanism learns which there are.
    let by_password = ConnectOptions {
        login: Login::amqplain("guest", "guest"),
        ..options
    };
    let error = Connection::open(by_password).await.map(drop).unwrap_err();
    assert!(
        matches!(&error, ConnectError::MechanismNotOffered { offered, .. } if offered == "EXTERNAL"),
        "{error:?}"
    );
    // Without TLS there is nobody to be.
    let plain = ConnectOptions {
        port: node.port(),
        login: Login::External,
        ..ConnectOptions::default()
    };
    let error = Connection::open(plain).await.map(drop).unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::AccessRefused { .. } | ConnectError::MechanismNotOffered { .. }
        ),
        "{error:?}"
    );
}
