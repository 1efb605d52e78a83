//! What users may see by their tags: as with RabbitMQ.

use bergen_testbed::Tools;
use serde_json::json;

use super::http::Http;
use super::{ours, rabbitmq};

const PATHS: &[(&str, &str)] = &[
    ("GET", "whoami"),
    ("GET", "overview"),
    ("GET", "nodes"),
    ("GET", "vhosts"),
    ("GET", "vhosts/V"),
    ("GET", "queues"),
    ("GET", "queues/V"),
    ("GET", "queues/%2F"),
    ("GET", "queues/V/a"),
    ("GET", "connections"),
    ("GET", "channels"),
    ("GET", "consumers"),
    ("GET", "consumers/V"),
    ("GET", "users"),
    ("GET", "users/guest"),
    ("GET", "permissions"),
    ("GET", "permissions/V/guest"),
    ("GET", "definitions"),
    ("GET", "definitions/V"),
    ("GET", "policies"),
    ("GET", "parameters"),
    ("GET", "exchanges/V"),
    ("GET", "extensions"),
    ("GET", "cluster-name"),
    ("GET", "health/checks/alarms"),
    ("GET", "vhosts/V/permissions"),
    ("GET", "vhosts/V/connections"),
    ("GET", "global-parameters"),
    ("GET", "feature-flags"),
    ("PUT", "queues/V/a1"),
    ("PUT", "queues/V/b1"),
    ("PUT", "queues/%2F/a1"),
    ("DELETE", "queues/V/b"),
    ("DELETE", "queues/V/b/contents"),
    ("DELETE", "queues/V/a1"),
    ("PUT", "vhosts/new-V"),
    ("PUT", "users/new-V"),
    ("PUT", "exchanges/V/b"),
    ("POST", "bindings/V/e/amq.direct/q/b"),
];

#[tokio::test]
async fn tags_and_permissions_open_what_they_open_with_rabbitmq() {
    // Fails early where nothing is set up.
    Tools::locate().unwrap();
    let (vhost, rabbit) = rabbitmq("mg-tags").await;
    let (_broker, ours) = ours(vhost.name()).await;
    let v = vhost.name();
    for tags in ["monitoring", "management", "policymaker", ""] {
        for permitted in [true, false] {
            let name = format!("{v}-{tags}-{permitted}");
            let mut answers = Vec::new();
            for boss in [&rabbit, &ours] {
                for queue in ["a", "b"] {
                    boss.send("PUT", &format!("queues/{v}/{queue}"), "{}").await;
                }
                let user = json!({"password": "pw", "tags": tags}).to_string();
                assert_eq!(
                    boss.send("PUT", &format!("users/{name}"), &user)
                        .await
                        .status,
                    201
                );
                if permitted {
                    let some = json!({"configure": "^a", "write": "^a", "read": "^a"}).to_string();
                    let path = format!("permissions/{v}/{name}");
                    assert_eq!(boss.send("PUT", &path, &some).await.status, 201);
                }
                let user = Http::new(boss.address, &name, "pw");
                let mut seen = Vec::new();
                for (method, path) in PATHS {
                    let path = path.replace('V', v);
                    let body = if matches!(*method, "PUT" | "POST") {
                        "{}"
                    } else {
                        ""
                    };
                    let answer = user.send(method, &path, body).await;
                    let reason = (answer.status >= 400).then(|| answer.reason());
                    seen.push((*method, path, answer.status, reason));
                }
                boss.send("DELETE", &format!("users/{name}"), "").await;
                answers.push(seen);
            }
            for (theirs, mine) in answers[0].iter().zip(&answers[1]) {
                assert_eq!(mine, theirs, "tags {tags:?}, permitted {permitted}");
            }
        }
    }
}
