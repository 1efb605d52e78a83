#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout)]
// echo: client connection pair + server connection pair in one process, spawned handler per request
use bergen_amqp::client::*;
use std::time::Instant;
use std::sync::{Arc, Mutex};
use std::collections::HashMap;
use tokio::sync::oneshot;
struct Serve(Channel);
impl DeliverySink for Serve {
    fn deliver(&mut self, d: Delivery) -> Disposition {
        let p = self.0.clone();
        tokio::spawn(async move { let mut m = Publish::new("", "reply", d.body.clone()).mandatory(); m.properties.correlation_id = d.properties.correlation_id; let c = p.publish(m).await.unwrap(); let _ = c.await; });
        Disposition::Ack
    }
}
type W = Arc<Mutex<HashMap<String, oneshot::Sender<Delivery>>>>;
struct Replies(W);
impl DeliverySink for Replies {
    fn deliver(&mut self, d: Delivery) -> Disposition {
        let id = d.properties.correlation_id.as_deref().unwrap().to_owned();
        if let Some(w) = self.0.lock().unwrap().remove(&id) { let _ = w.send(d); }
        Disposition::Ack
    }
}
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/self/stat").unwrap(); let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect(); (f[11].parse::<f64>().unwrap()+f[12].parse::<f64>().unwrap())*10_000.0 }
async fn run() {
    let vhost = bergen_testbed::TestVhost::new("scratch").await.unwrap();
    let r = vhost.rabbit();
    let o = ConnectOptions { host: r.host().into(), port: r.port(), virtual_host: vhost.name().into(), login: Login::plain(r.user(), r.password()), ..Default::default() };
    let mut k = Vec::new();
    for _ in 0..4 { let (c, e) = Connection::open(o.clone()).await.unwrap(); let (ch, ce) = c.open_channel().await.unwrap(); k.push((c, e, ch, ce)); }
    let ch = |i: usize| k[i].2.clone();
    ch(0).confirm_select().await.unwrap(); ch(2).confirm_select().await.unwrap();
    ch(0).queue_declare(QueueDeclare::new("req")).await.unwrap();
    ch(0).queue_declare(QueueDeclare::new("reply")).await.unwrap();
    ch(1).qos(512).await.unwrap(); ch(3).qos(512).await.unwrap();
    let w: W = Default::default();
    ch(1).consume(Consume::new("reply"), Box::new(Replies(w.clone()))).await.unwrap();
    ch(3).consume(Consume::new("req"), Box::new(Serve(ch(2)))).await.unwrap();
    for inflight in [1usize, 8, 64, 256] {
        let n = if inflight == 1 { 3000 } else { 40_000 };
        let (t, u) = (Instant::now(), cpu());
        let s: Vec<_> = k.iter().map(|x| x.0.stats()).collect();
        let body = bytes::Bytes::from(vec![7u8; 400]);
        let mut hs = Vec::new();
        for j in 0..inflight {
            let (p, w, body) = (ch(0), w.clone(), body.clone());
            hs.push(tokio::spawn(async move { for i in 0..n / inflight {
                let id = format!("{j}-{i}"); let (tx, rx) = oneshot::channel(); w.lock().unwrap().insert(id.clone(), tx);
                let mut m = Publish::new("", "req", body.clone()); m.properties.correlation_id = Some(id.into());
                drop(p.publish(m).await.unwrap()); rx.await.unwrap();
            }}));
        }
        for h in hs { h.await.unwrap(); }
        let e = t.elapsed(); let du = cpu() - u; let n = (n / inflight * inflight) as f64;
        print!("{inflight}: {:.0} calls/s, {:.2} cpu-us/call,", n/e.as_secs_f64(), du/n);
        for i in 0..4 { let a = k[i].0.stats(); print!(" [wk {:.2} rd {:.2} wr {:.2}]", (a.wakeups-s[i].wakeups) as f64/n, (a.reads-s[i].reads) as f64/n, (a.writes-s[i].writes) as f64/n); }
        println!();
    }
}
fn main() {
    for multi in [false, true] {
        println!("multi {multi}");
        let mut b = if multi { tokio::runtime::Builder::new_multi_thread() } else { tokio::runtime::Builder::new_current_thread() };
        b.worker_threads(2).enable_all().build().unwrap().block_on(run());
    }
}
