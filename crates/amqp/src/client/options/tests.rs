use super::*;

#[test]
fn the_password_is_masked() {
    let options = ConnectOptions {
        login: Login::plain("nova", "s3cr3t"),
        ..ConnectOptions::default()
    };

    let shown = format!("{options:?}");

    assert!(shown.contains("nova"), "{shown}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}
