use proptest::prelude::*;

use super::*;

fn url(text: &str) -> TransportUrl {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> (UrlProblem, usize) {
    let error = text.parse::<TransportUrl>().unwrap_err();
    (error.problem, error.position)
}

fn host(
    hostname: &str,
    port: impl Into<Option<u16>>,
    login: Option<(&str, &str)>,
) -> TransportHost {
    TransportHost {
        hostname: Some(hostname.to_owned()),
        port: port.into(),
        username: login.map(|(username, _)| username.to_owned()),
        password: login.map(|(_, password)| password.to_owned()),
    }
}

#[test]
fn the_scheme_selects_the_driver() {
    assert_eq!(url("rabbit://").driver(), "rabbit");
    assert_eq!(url("RABBIT://h/").scheme(), "rabbit");
    assert_eq!(url("Kombu+Memory:////").driver(), "kombu");
    assert_eq!(url("kombu+memory:////").scheme(), "kombu+memory");
    assert_eq!(url("kombu+memory:////").virtual_host(), "/");
}

#[test]
fn what_is_not_written_is_left_to_the_driver() {
    let url = url("rabbit://");
    assert_eq!((url.hosts(), url.virtual_host()), (&[][..], "/"));
    assert_eq!(TransportHost::default().login(), ("guest", "guest"));
    assert_eq!(url, TransportUrl::new("rabbit"));
}

#[test]
fn hosts_with_their_own_credentials() {
    let url = url("rabbit://u:p@h1:1,h2:2,,u3@h3/");
    assert_eq!(url.hosts()[0], host("h1", 1, Some(("u", "p"))));
    assert_eq!(url.hosts()[1], host("h2", 2, None));
    assert_eq!(url.hosts()[1].login(), ("guest", "guest"));
    assert_eq!(url.hosts()[2].login(), ("u3", "guest"));
    assert_eq!(url.hosts().len(), 3);
    assert!(url.lacks_credentials());
    assert!(!self::url("rabbit://u:p@h1,u:p@h2/").lacks_credentials());
    assert!(!self::url("rabbit://h1,h2/").lacks_credentials());
}

#[test]
fn user_names_and_passwords_are_decoded_once() {
    assert_eq!(
        url("rabbit://us@dom:p@host").hosts()[0].login(),
        ("us@dom", "p")
    );
    assert_eq!(
        url("rabbit://u%40d:a%3Ab%25%2F@h").hosts()[0].login(),
        ("u@d", "a:b%/")
    );
    assert_eq!(url("rabbit://u:a+b@h").hosts()[0].login(), ("u", "a+b"));
    assert_eq!(url("rabbit://u:a:b@h").hosts()[0].login(), ("u", "a:b"));
    assert_eq!(url("rabbit://u:%252F@h").hosts()[0].login(), ("u", "%2F"));
    assert_eq!(url("rabbit://u:%zz@h").hosts()[0].login(), ("u", "%zz"));
    assert_eq!(url("rabbit://u:@h").hosts()[0].login(), ("u", ""));
}

#[test]
fn virtual_hosts() {
    for (text, expected) in [
        ("rabbit://h", "/"),
        ("rabbit://h/", "/"),
        ("rabbit://h//", "/"),
        ("rabbit://h/%2F", "/"),
        ("rabbit://h/vh", "vh"),
        ("rabbit://h/my%2Fvh", "my/vh"),
        ("rabbit://h/my/vh", "my/vh"),
        ("rabbit://h/a%25b", "a%b"),
        ("rabbit://h/%2525", "%25"),
        ("rabbit://h/a@b", "a@b"),
        ("rabbit://h/vh#fragment", "vh"),
    ] {
        assert_eq!(url(text).virtual_host(), expected, "{text}");
    }
}

#[test]
fn ipv6_addresses_have_brackets() {
    assert_eq!(
        url("rabbit://[::1]:5672/").hosts(),
        [host("::1", 5672, None)]
    );
    assert_eq!(
        url("rabbit://u:p@[fe80::1]").hosts(),
        [host("fe80::1", None, Some(("u", "p")))]
    );
    assert_eq!(
        url("rabbit://[::1]:5672/").to_string(),
        "rabbit://[::1]:5672/"
    );
    assert_eq!(error("rabbit://[::1"), (UrlProblem::UnclosedBracket, 9));
    assert_eq!(error("rabbit://::1/"), (UrlProblem::Colons, 9));
    assert_eq!(error("rabbit://[]/"), (UrlProblem::HostName, 10));
    assert_eq!(error("rabbit://[::1]x/"), (UrlProblem::HostName, 14));
}

#[test]
fn the_query_overrides_options() {
    let query = url("rabbit://h/v?heartbeat_rate=5&a=1&a=2&b=x+y%2C&empty=&bare")
        .query()
        .clone();
    let expected = [("a", "1,2"), ("b", "x y,"), ("heartbeat_rate", "5")];
    assert!(
        query
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .eq(expected),
        "{query:?}"
    );
    assert_eq!(url("rabbit://h?a=1").query()["a"], "1");
}

#[test]
fn errors_tell_the_place_in_characters() {
    assert_eq!(error(""), (UrlProblem::NoScheme, 0));
    assert_eq!(error("h:5672/vh"), (UrlProblem::NoScheme, 0));
    assert_eq!(error("ra bbit://h"), (UrlProblem::NoScheme, 0));
    assert_eq!(error("://h"), (UrlProblem::NoScheme, 0));
    assert_eq!(error("rabbit://h:99999/"), (UrlProblem::Port, 11));
    assert_eq!(error("rabbit://h:/"), (UrlProblem::Port, 11));
    assert_eq!(error("rabbit://h:+5/"), (UrlProblem::Port, 11));
    assert_eq!(error("rabbit://ü:p@h1,h2:x/"), (UrlProblem::Port, 19));
    assert_eq!(error("rabbit://a b/"), (UrlProblem::HostName, 10));
    assert_eq!(error("rabbit://h/%ff"), (UrlProblem::NotUtf8, 11));
    assert_eq!(
        "rabbit://h:x"
            .parse::<TransportUrl>()
            .unwrap_err()
            .to_string(),
        "invalid transport URL: the port is no number up to 65535 (in user names and passwords \
         write / ? # @ : , % as %2F %3F %23 %40 %3A %2C %25), at character 12"
    );
}

#[test]
fn a_password_that_breaks_the_url_is_noticed_and_not_shown() {
    assert_eq!(
        error("rabbit://u:12#s3cret@h/v"),
        (UrlProblem::MisplacedAt, 20)
    );
    assert_eq!(
        error("rabbit://u:12/s3cret@h/v"),
        (UrlProblem::MisplacedAt, 20)
    );
    for text in [
        "rabbit://u:s3cret#x@h/",
        "rabbit://u:s3cret/x@h",
        "rabbit://u:s3cret@h:x",
    ] {
        let error = text.parse::<TransportUrl>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[test]
fn passwords_are_masked_unless_asked_for() {
    let text = "rabbit://u:s3cret@h1:1,u2:s3cret@h2/v?x_password=s3cret";
    let url = url(text);
    assert_eq!(
        url.to_string(),
        "rabbit://u:***@h1:1,u2:***@h2/v?x_password=***"
    );
    assert!(!format!("{url:?} {:?}", url.hosts()).contains("s3cret"));
    assert_eq!(url.with_credentials(), text);
}

#[test]
fn urls_compare_by_value() {
    assert_eq!(url("rabbit://u:p@h/"), url("RABBIT://u:p@h//"));
    assert_ne!(url("rabbit://u:p@h/"), url("rabbit://u:q@h/"));
    assert_ne!(url("rabbit://h/?a=1"), url("rabbit://h/?a=2"));
    let set: std::collections::HashSet<_> = [url("rabbit://h"), url("rabbit://h/")].into();
    assert_eq!(set.len(), 1);
}

fn any_host() -> impl Strategy<Value = TransportHost> {
    let hostname = prop_oneof!["[a-z][a-z0-9.-]{0,12}", "[0-9a-f]{1,4}::[0-9a-f]{1,4}"];
    let login = proptest::option::of((".{1,12}", proptest::option::of(".{0,12}")));
    (hostname, proptest::option::of(any::<u16>()), login).prop_map(|(hostname, port, login)| {
        let (username, password) = login.unzip();
        let password = password.flatten();
        TransportHost {
            hostname: Some(hostname),
            port,
            username,
            password,
        }
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_the_same(
        scheme in "[a-z][a-z0-9]{0,8}(\\+[a-z]{1,8})?",
        hosts in proptest::collection::vec(any_host(), 0..4),
        virtual_host in ".{0,12}",
        query in proptest::collection::btree_map("[a-z_]{1,8}", ".{1,12}", 0..4),
    ) {
        let mut url = TransportUrl::new(scheme).with_virtual_host(virtual_host);
        url.hosts = hosts;
        url.query = query;
        prop_assert_eq!(url.with_credentials().parse(), Ok(url));
    }

    #[test]
    fn any_text_gives_a_url_or_an_error(text in "(rabbit://)?[a-z0-9:/@,?#&=%\\[\\]+é ]{0,40}") {
        if let Err(error) = text.parse::<TransportUrl>() {
            prop_assert!(error.position <= text.chars().count());
        }
    }
}
