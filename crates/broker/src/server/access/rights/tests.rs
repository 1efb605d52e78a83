//! The answers are those that RabbitMQ 3.10 gives to the same operations.

use super::*;
use crate::server::access::PasswordHash;

fn rights() -> Rights {
    let permissions =
        Permissions::new(r"^c-.*|^amq\.gen", r"^w-.*|^amq\.default$", "^r-.*").unwrap();
    let user = User::new("lim", PasswordHash::new("pw")).permit("h4", permissions);
    Rights::new(&user, "h4", user.permissions_in("h4").unwrap())
}

fn argument(name: &'static str, value: &'static str) -> FieldTable<'static> {
    let mut table = FieldTable::new();
    table.insert(name, FieldValue::LongString(value.as_bytes().into()));
    table
}

fn refused(outcome: Result<(), Refusal>, kind: &str, name: &str) {
    let refusal = outcome.unwrap_err();
    let text =
        format!("ACCESS_REFUSED - access to {kind} '{name}' in vhost 'h4' refused for user 'lim'");
    assert_eq!(
        (refusal.code, refusal.text.as_str(), refusal.scope),
        (403, text.as_str(), Scope::Channel)
    );
}

#[test]
fn queues() {
    let (rights, none) = (rights(), FieldTable::new());
    rights.declare_queue("c-q", &none, false).unwrap();
    rights.declare_queue("", &none, false).unwrap();
    refused(rights.declare_queue("x", &none, true), "queue", "x");
    let dead_letters = argument("x-dead-letter-exchange", "w-e");
    refused(
        rights.declare_queue("c-dlx", &dead_letters, false),
        "queue",
        "c-dlx",
    );
    rights.declare_queue("c-dlx", &dead_letters, true).unwrap();
    rights.delete_queue("c-q").unwrap();
    refused(rights.delete_queue("r-q"), "queue", "r-q");
    rights.purge_queue("r-q").unwrap();
    refused(rights.purge_queue("c-q"), "queue", "c-q");
    rights.read_queue("r-q").unwrap();
    refused(rights.read_queue("w-q"), "queue", "w-q");
}

#[test]
fn dead_letters_need_a_right_to_where_they_go() {
    let permissions = Permissions::new(".*", "^w-", ".*").unwrap();
    let user = User::new("lim", PasswordHash::new("pw")).permit("h4", permissions);
    let rights = Rights::new(&user, "h4", user.permissions_in("h4").unwrap());
    let to = |exchange| argument("x-dead-letter-exchange", exchange);
    rights.declare_queue("q", &to("w-e"), false).unwrap();
    refused(
        rights.declare_queue("q", &to("x-e"), false),
        "exchange",
        "x-e",
    );
    refused(
        rights.declare_queue("q", &to(""), false),
        "exchange",
        "amq.default",
    );
    let to = |exchange| argument("alternate-exchange", exchange);
    rights.declare_exchange("e", &to("w-e"), false).unwrap();
    refused(
        rights.declare_exchange("e", &to("x-e"), false),
        "exchange",
        "x-e",
    );
}

#[test]
fn exchanges() {
    let (rights, none) = (rights(), FieldTable::new());
    rights.declare_exchange("c-e", &none, false).unwrap();
    refused(
        rights.declare_exchange("x-e", &none, true),
        "exchange",
        "x-e",
    );
    let alternate = argument("alternate-exchange", "w-e");
    refused(
        rights.declare_exchange("c-ae", &alternate, false),
        "exchange",
        "c-ae",
    );
    rights.declare_exchange("c-ae", &alternate, true).unwrap();
    rights.delete_exchange("c-e").unwrap();
    refused(rights.delete_exchange("none"), "exchange", "none");
}

#[test]
fn bindings() {
    let rights = rights();
    rights.bind_queue("w-q", "r-e").unwrap();
    refused(rights.bind_queue("x-q", "r-e"), "queue", "x-q");
    refused(rights.bind_queue("w-q", "x-e"), "exchange", "x-e");
    refused(rights.bind_queue("x-q", ""), "queue", "x-q");
    rights.bind_exchange("w-e", "r-e").unwrap();
    refused(rights.bind_exchange("x-e", "r-e"), "exchange", "x-e");
    refused(rights.bind_exchange("w-e", "x-e"), "exchange", "x-e");
}

#[test]
fn messages() {
    let rights = rights();
    rights.publish("w-e").unwrap();
    rights.publish("").unwrap();
    refused(rights.publish("x-e"), "exchange", "x-e");
    rights.user_id(None).unwrap();
    rights.user_id(Some("lim")).unwrap();
    let refusal = rights.user_id(Some("guest")).unwrap_err();
    assert_eq!(refusal.code, 406);
    let text =
        "PRECONDITION_FAILED - user_id property set to 'guest' but authenticated user was 'lim'";
    assert_eq!(refusal.text, text);
}

#[test]
fn the_default_exchange_is_called_amq_default() {
    let user = User::new("lim", PasswordHash::new("pw"))
        .permit("h4", Permissions::new("", "^w-", "r").unwrap())
        .tag("impersonator");
    let rights = Rights::new(&user, "h4", user.permissions_in("h4").unwrap());
    refused(rights.publish(""), "exchange", "amq.default");
    rights.user_id(Some("guest")).unwrap();
}
