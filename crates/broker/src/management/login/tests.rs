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
