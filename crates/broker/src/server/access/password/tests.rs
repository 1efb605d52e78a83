use super::*;

/// Made by RabbitMQ 3.10 of the password `pw`.
const RABBITMQS: &str = "JR0rEkeszdvjrVlBpJ30IUxIY9QzVISzJ827rGEAJJP0QeQb";

#[test]
fn a_hash_that_rabbitmq_made_is_understood() {
    let hash = PasswordHash::parse(RABBITMQS).unwrap();
    assert!(hash.verify("pw"));
    assert!(!hash.verify("pv"));
    assert!(!hash.verify(""));
    assert_eq!(hash.to_string(), RABBITMQS);
    assert_eq!(hash.algorithm(), "rabbit_password_hashing_sha256");
    let named = format!("sha256:{RABBITMQS}");
    assert_eq!(PasswordHash::parse(&named).unwrap(), hash);
}

#[test]
fn equal_passwords_have_different_hashes() {
    let (one, other) = (PasswordHash::new("s3cret"), PasswordHash::new("s3cret"));
    assert_ne!(one, other);
    for hash in [one, other] {
        assert!(hash.verify("s3cret"));
        assert!(!hash.verify("s3cret "));
        assert_eq!(PasswordHash::parse(&hash.to_string()).unwrap(), hash);
    }
}

#[test]
fn sha512_is_read_and_written() {
    let salt = [1, 2, 3, 4];
    let digest = Algorithm::Sha512.digest(salt, "s3cret");
    let text = format!("sha512:{}", STANDARD.encode([&salt[..], &digest].concat()));
    let hash = PasswordHash::parse(&text).unwrap();
    assert!(hash.verify("s3cret"));
    assert!(!hash.verify("secret"));
    assert_eq!(hash.to_string(), text);
    assert_eq!(hash.algorithm(), "rabbit_password_hashing_sha512");
}

#[test]
fn an_empty_password_is_never_right() {
    assert!(!PasswordHash::new("").verify(""));
}

#[test]
fn what_is_no_hash_is_refused_with_the_way_out() {
    assert_eq!(
        PasswordHash::parse("s3cret!"),
        Err(PasswordHashError::NotBase64)
    );
    let (expected, actual) = (36, 3);
    let error = PasswordHash::parse("AAAA").unwrap_err();
    assert_eq!(error, PasswordHashError::WrongLength { expected, actual });
    assert!(error.to_string().contains("hash-password"));
    assert!(PasswordHash::parse("").is_err());
    assert!(PasswordHash::parse("sha512:").is_err());
}

#[test]
fn debug_shows_no_hash() {
    let shown = format!("{:?}", PasswordHash::parse(RABBITMQS).unwrap());
    assert_eq!(shown, "PasswordHash(Sha256)");
}
