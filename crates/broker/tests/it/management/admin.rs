//! RabbitMQ's own `rabbitmqadmin`, on RabbitMQ and on ours, with the same output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bergen_testbed::Tools;

use super::http::Http;
use super::{ours, rabbitmq};

/// The program, as RabbitMQ's own interface hands it out.
async fn program(rabbit: &Http, folder: &Path) -> PathBuf {
    let request = format!(
        "GET /cli/rabbitmqadmin HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        rabbit.address
    );
    let answer = rabbit.raw(&request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("LISTABLE"), "that is no rabbitmqadmin");
    let file = folder.join("rabbitmqadmin");
    std::fs::write(&file, answer.body).unwrap();
    file
}

struct Admin {
    program: PathBuf,
    python: PathBuf,
    http: Http,
    vhost: String,
}

impl Admin {
    async fn run(&self, line: &str) -> Output {
        let mut command = Command::new(&self.python);
        command
            .arg(&self.program)
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &self.http.address.port().to_string(),
            ])
            .args([
                "--username",
                "guest",
                "--password",
                "guest",
                "--vhost",
                &self.vhost,
            ])
            .args(line.split_whitespace())
            .env("HOME", self.program.parent().unwrap())
            .stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    async fn output(&self, line: &str) -> (Option<i32>, String) {
        let output = self.run(line).await;
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }
}

#[tokio::test]
async fn rabbitmqadmin_shows_the_same_on_both() {
    let folder = std::env::temp_dir().join(format!("bergen-admin-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (vhost, rabbit) = rabbitmq("mg-admin").await;
    let (_broker, http) = ours(vhost.name()).await;
    let python = Tools::locate().unwrap().python;
    let program = program(&rabbit, &folder).await;
    let vhost_name = vhost.name().to_owned();
    let admin = |http: &Http| Admin {
        program: program.clone(),
        python: python.clone(),
        http: http.clone(),
        vhost: vhost_name.clone(),
    };
    let (theirs, mine) = (admin(&rabbit), admin(&http));
    let export = folder.join("export.json");
    let export = export.to_str().unwrap();
    for line in [
        "declare queue name=q1 durable=true",
        "declare queue name=q1 durable=false",
        "declare queue name=q2 durable=false arguments={\"x-max-length\":5}",
        "declare queue name=q3 queue_type=quorum",
        "declare exchange name=x1 type=topic",
        "declare exchange name=x2 type=nonsense",
        "declare binding source=x1 destination=q1 routing_key=a.#",
        "declare binding source=x1 destination=q2 routing_key=b",
        "declare binding source=x1 destination=none routing_key=b",
        "list queues vhost name durable auto_delete arguments",
        "list exchanges vhost name type durable auto_delete internal arguments",
        "list bindings",
        "list bindings vhost source destination destination_type routing_key arguments properties_key",
        "-S name -R list exchanges name",
        "-f tsv list exchanges name type",
        "-f long list exchanges name type",
        "-f kvp list exchanges name type",
        "-f bash list exchanges",
        "-f raw_json list exchanges name type",
        "-f pretty_json list exchanges name type",
        "publish routing_key=a.b exchange=x1 payload=hello",
        "publish routing_key=q1 payload=world properties={\"delivery_mode\":2,\"headers\":{\"n\":1}}",
        "publish routing_key=nowhere payload=lost",
        "publish routing_key=a exchange=none payload=lost",
        "get queue=q1 count=5",
        "get queue=q1 ackmode=ack_requeue_false",
        "-f long get queue=q1 count=5",
        "get queue=none",
        "purge queue name=q1",
        "get queue=q1",
        "purge queue name=none",
        "list consumers",
        "list policies",
        "list parameters",
        "list operator_policies",
        "list vhost_limits",
        "list nonsense",
        "close connection name=none",
        "declare permission vhost=none user=guest configure=.* write=.* read=.*",
        "declare user name=new-user password=p tags=management",
        "delete user name=new-user",
        "delete user name=none",
        "delete binding source=x1 destination_type=queue destination=q2 properties_key=b",
        "delete binding source=x1 destination_type=queue destination=q2 properties_key=b",
        "delete queue name=q2",
        "delete queue name=q2",
        "delete exchange name=x1",
        "delete exchange name=amq.direct",
        "list bindings",
    ] {
        let (theirs, mine) = (theirs.output(line).await, mine.output(line).await);
        assert_eq!(mine, theirs, "rabbitmqadmin {line}");
    }
    // What both do, with output of their own.
    for line in [
        "list connections",
        "list channels",
        "list queues",
        "list users",
        "list vhosts",
        "list nodes",
        "list permissions",
        "show overview",
        &format!("export {export}"),
        &format!("import {export}"),
    ] {
        for admin in [&theirs, &mine] {
            let (status, output) = admin.output(line).await;
            assert_eq!(status, Some(0), "rabbitmqadmin {line}: {output}");
        }
    }
    let (_, shown) = mine.output("list queues name messages").await;
    assert!(shown.contains("| q1   | 0        |"), "{shown}");
    let (_, shown) = mine.output("show overview").await;
    assert!(shown.contains("3.10.8"), "{shown}");
    std::fs::remove_dir_all(&folder).unwrap();
}
