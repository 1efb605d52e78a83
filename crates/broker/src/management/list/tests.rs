use serde_json::{Value, json};

use super::{columns, list};
use crate::management::query::Query;

fn queues() -> Vec<Value> {
    ["q1", "Q2", "ex", "st"]
        .iter()
        .enumerate()
        .map(|(number, name)| json!({"name": name, "messages": 10 - number, "stats": {"ack": number, "get": 1}}))
        .collect()
}

fn asked(query: &str) -> Value {
    list(queues(), &Query::parse(query), 4).unwrap()
}

#[test]
fn a_list_is_plain_without_a_page() {
    assert_eq!(asked(""), Value::Array(queues()));
    assert_eq!(asked("name=q&page_size=1"), Value::Array(queues()));
}

#[test]
fn pages_tell_how_many_there_are() {
    assert_eq!(
        asked("page=2&page_size=1&name=q&columns=name"),
        json!({"total_count": 4, "filtered_count": 2, "item_count": 1, "page": 2, "page_size": 1, "page_count": 2,
               "items": [{"name": "Q2"}]})
    );
    assert_eq!(
        asked("page=1&use_regex=true&name=%5E[es]")["filtered_count"],
        2
    );
    assert_eq!(asked("page=1&name=%5E[es]")["filtered_count"], 0);
    assert_eq!(
        list(Vec::new(), &Query::parse("page=1"), 1).unwrap(),
        json!({"total_count": 0, "filtered_count": 0, "item_count": 0, "page": 1, "page_size": 100, "page_count": 0,
               "items": []})
    );
}

#[test]
fn pages_that_make_no_sense_are_refused() {
    for query in [
        "page=0",
        "page=1&page_size=501",
        "page=1&page_size=0",
        "page=x",
        "page=-1",
        "page=2",
        "page=99999999999999999999999",
        "page=18446744073709551615&page_size=500",
        "page=1&use_regex=true&name=[",
        "page=1&use_regex=true&name=(a{9999}){9999}",
    ] {
        assert!(list(queues(), &Query::parse(query), 4).is_err(), "{query}");
    }
}

#[test]
fn too_long_a_list_is_only_given_in_pages() {
    assert!(list(queues(), &Query::parse(""), 3).is_err());
    assert!(list(queues(), &Query::parse("page=1"), 3).is_ok());
}

#[test]
fn sorting_looks_inside() {
    let names = |query| {
        let Value::Array(items) = asked(query) else {
            panic!()
        };
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("sort=messages"), ["st", "ex", "Q2", "q1"]);
    assert_eq!(
        names("sort=stats.ack&sort_reverse=true"),
        ["st", "ex", "Q2", "q1"]
    );
    assert_eq!(names("sort=name"), ["Q2", "ex", "q1", "st"]);
    assert_eq!(names("sort=nothing"), ["q1", "Q2", "ex", "st"]);
}

#[test]
fn columns_look_inside() {
    let one = queues().remove(0);
    assert_eq!(
        columns(
            one.clone(),
            &Query::parse("columns=name,stats.ack,nothing,stats.x")
        ),
        json!({"name": "q1", "stats": {"ack": 0}})
    );
    assert_eq!(columns(one.clone(), &Query::parse("columns=")), one);
}
