use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its shape counts")]
struct Server {
    #[serde(rename = "instanceId")]
    instance_id: String,
    host: Option<String>,
    #[serde(skip)]
    cache: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its shape counts")]
struct Wrapped(Option<Server>);

#[test]
fn fields_are_those_on_the_wire() {
    let server = EventType::<Server>::new("a", Priority::Info);
    assert_eq!(server.fields(), ["instanceId", "host"]);
    let wrapped = EventType::<Wrapped>::new("a", Priority::Info);
    assert_eq!(wrapped.fields(), ["instanceId", "host"]);
    let text = EventType::<Vec<String>>::new("a", Priority::Info);
    assert!(text.fields().is_empty());
}

#[test]
fn the_page_is_sorted_and_no_help_breaks_its_table() {
    const LATER: EventType<f64> = EventType::new("b", Priority::Sample);
    const FIRST: EventType<Server> = EventType::new("a", Priority::Error).help("One | two\nthree");
    let page = catalogue(&[&LATER, &FIRST]);
    let rows: Vec<_> = page.lines().skip(2).collect();
    let expected = [
        "| `a` | error | `instanceId`, `host` | One \\| two three |",
        "| `b` | sample |  |  |",
    ];
    assert_eq!(rows, expected);
}
