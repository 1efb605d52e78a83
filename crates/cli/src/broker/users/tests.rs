use super::*;

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let text = user("nova:s3cret", |_| None).unwrap_err().text();
    assert!(text.contains("--user nova=FILE"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_user_of_the_command_line_may_do_everything() {
    let user = user("nova", |_| Some("s3cret".to_owned())).unwrap();
    assert!(user.may_enter("any") && user.has_tag("administrator"));
    assert!(user.password().unwrap().verify("s3cret"));
}
