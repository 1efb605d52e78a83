use super::*;

/// RabbitMQ's hash of `pw`.
const HASH: &str = "JR0rEkeszdvjrVlBpJ30IUxIY9QzVISzJ827rGEAJJP0QeQb";

/// A file of its own, gone when dropped.
struct File(PathBuf);

impl File {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn file(text: &str, mode: u32) -> File {
    let name = format!(
        "bergen-users-{}-{:x}",
        std::process::id(),
        fastrand::u64(..)
    );
    let file = File(std::env::temp_dir().join(name));
    fs::write(file.path(), text).unwrap();
    fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
    file
}

fn read(text: &str) -> Result<Vec<User>, String> {
    let file = file(text, 0o600);
    let place = file.path().display().to_string();
    read_users_file(file.path()).map_err(|error| error.to_string().replace(&place, "FILE"))
}

#[test]
fn users_and_permissions() {
    let users = read(&format!(
        "# the bus\n\
         user nova {HASH} administrator,monitoring # with tags\n\
         \tuser \"compute \"\"1\"\"\" -\n\
         \n\
         permissions nova / .* \"\" ^a\\.b#\n\
         permissions \"compute \"\"1\"\"\" \"/a b\" .* .* .*\n"
    ))
    .unwrap();
    let [compute, nova] = &users[..] else {
        panic!("{users:?}")
    };
    assert_eq!(nova.name(), "nova");
    assert!(nova.password().unwrap().verify("pw"));
    assert_eq!(
        nova.tags().collect::<Vec<_>>(),
        ["administrator", "monitoring"]
    );
    let permissions = nova.permissions_in("/").unwrap();
    assert_eq!(
        (
            permissions.configure(),
            permissions.write(),
            permissions.read()
        ),
        (".*", "", "^a\\.b#")
    );
    assert!(!nova.may_enter("other"));
    assert_eq!(compute.name(), "compute \"1\"");
    assert_eq!(compute.password(), None);
    assert!(compute.may_enter("/a b"));
}

#[test]
fn mistakes_are_told_with_file_and_line_and_never_repeat_a_password() {
    for (text, says) in [
        (
            "user nova s3cret",
            "FILE:1: a password hash is base64; make one with",
        ),
        ("\nuser nova", "FILE:2: write: user NAME HASH"),
        (&format!("user a {HASH} b c"), "FILE:1: write: user NAME"),
        (&format!("user \"\" {HASH}"), "FILE:1: a user needs a name"),
        (
            &format!("user a {HASH}\nuser a -"),
            "FILE:2: user \"a\" is given twice",
        ),
        (
            "permissions a / .* .* .*",
            "FILE:1: user \"a\" is not given",
        ),
        (
            "user a -\npermissions a / .*",
            "FILE:2: write: permissions NAME VHOST",
        ),
        (
            "user a -\npermissions a / ( .* .*",
            "FILE:2: the pattern \"(\" cannot be used: unclosed group",
        ),
        (
            "user a -\npermissions a / .* .* .*\npermissions a / .* .* .*",
            "FILE:3: permissions of \"a\" in \"/\" are given twice",
        ),
        ("user \"a -", "FILE:1: a closing quote is missing"),
        ("user \"a\"b -", "FILE:1: a space is missing"),
        ("nova:x:y", "FILE:1: a line begins with user or permissions"),
        ("# nobody\n", "the users file FILE holds no user"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(says), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_file_that_others_may_change_is_refused() {
    for mode in [0o620, 0o602, 0o666] {
        let file = file(&format!("user nova {HASH}"), mode);
        let error = read_users_file(file.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{mode:o}")), "{error}");
        assert!(error.contains("chmod 600"), "{error}");
    }
    let readable = file(&format!("user nova {HASH}"), 0o644);
    assert_eq!(read_users_file(readable.path()).unwrap().len(), 1);
    let error = read_users_file(Path::new("/nowhere/users")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read the users file /nowhere/users")
    );
}
