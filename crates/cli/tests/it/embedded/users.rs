//! Users and their passwords: from files and the environment.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Folder, broker, command, started};
use crate::program::{Ended, bergen, finish, program};

/// Who calls gets an answer: that nobody serves. Who is refused gets 5.
const IN: i32 = 4;
const OUT: i32 = 5;

async fn log_in(url: &str, login: &str) -> Ended {
    let (_, at) = url.split_once('@').unwrap();
    let url = format!("rabbit://{login}@{at}");
    bergen(&url, &["call", "demo", "echo", "--timeout", "5"]).await
}

#[tokio::test]
async fn passwords_from_the_environment_and_from_a_file() {
    let folder = Folder::new("passwords");
    let file = folder.write("password", "fr0m file\nnot this\n");
    let mut command = command(&["--user", "nova-1", "--user", &format!("neutron={file}")]);
    command.env("BERGEN_PASSWORD_NOVA_1", "s3cret");
    let (broker, url) = started(command).await;
    assert!(url.contains("//USER:PASSWORD@"), "{url}");
    log_in(&url, "nova-1:s3cret").await.expect(IN);
    log_in(&url, "neutron:fr0m%20file").await.expect(IN);
    log_in(&url, "nova-1:wrong").await.expect(OUT);
    log_in(&url, "guest:guest").await.expect(OUT);
    let output = broker.stop().await;
    assert!(
        output.contains("a login by AMQPLAIN was refused"),
        "{output}"
    );
    for secret in ["s3cret", "fr0m", "wrong\""] {
        assert!(!output.contains(secret), "{output}");
    }
}

#[tokio::test]
async fn a_password_is_not_taken_from_the_command_line() {
    let refused = finish(command(&["--user", "nova:s3cret"])).await.expect(2);
    let refused = refused.says(&["--user nova=FILE", "BERGEN_PASSWORD"]);
    assert!(!refused.err.contains("s3cret"), "{refused:?}");
    finish(command(&["--user", "nova"]))
        .await
        .expect(2)
        .says(&["BERGEN_PASSWORD_NOVA", "--user nova=FILE"]);
    finish(command(&["--user", "nova=/nowhere/password"]))
        .await
        .expect(2)
        .says(&["/nowhere/password"]);
    let folder = Folder::new("twice");
    let file = folder.write("password", "s3cret");
    let nova = format!("nova={file}");
    finish(command(&["--user", &nova, "--user", &nova]))
        .await
        .expect(2)
        .says(&["\"nova\" is given twice"]);
}

/// `bergen broker hash-password`, with the password on stdin.
fn hash(arguments: &[&str], password: &str) -> String {
    let arguments = [&["broker", "hash-password"], arguments].concat();
    let mut command: Command = program("", &arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(password.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        assert_eq!(output.status.code(), Some(2));
        return String::from_utf8(output.stderr).unwrap();
    }
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_users_file_of_hashed_passwords() {
    let folder = Folder::new("users");
    let nova = hash(&["nova"], "s3cret\n");
    let guest = hash(&[], "0ther");
    assert!(
        nova.starts_with("user nova ") && nova.ends_with('\n'),
        "{nova}"
    );
    assert_eq!(guest.trim_end().len(), 48, "base64 of 36 bytes: {guest}");
    let users = folder.write(
        "users",
        &format!(
            "# users\n{nova}user guest {guest}\n\
             permissions nova / .* .* .*\n\
             permissions guest / \"\" \"\" \"\"\n"
        ),
    );
    let (broker, url) = broker(&["--users-file", &users]).await;
    log_in(&url, "nova:s3cret").await.expect(IN);
    log_in(&url, "nova:wrong").await.expect(OUT);
    // In, but without a right to anything.
    let limited = log_in(&url, "guest:0ther").await.expect(OUT);
    limited.says(&["refused for user 'guest'"]);
    broker.stop().await;
    assert!(hash(&[], "\n").contains("empty password"));
}

#[tokio::test]
async fn mistakes_in_the_users_file_are_told_with_their_line() {
    let folder = Folder::new("mistakes");
    let users = folder.write("users", "# users\nuser nova s3cret\n");
    let refused = finish(command(&["--users-file", &users])).await.expect(2);
    let refused = refused.says(&[&format!("{users}:2: "), "hash-password"]);
    assert!(!refused.err.contains("s3cret"), "{refused:?}");
}
