//! What a client may choose about a reply: `sort`, `sort_reverse`, `name`, `use_regex`, `page`, `page_size`, `columns`.

use std::cmp::Ordering;

use regex::RegexBuilder;
use serde_json::{Map, Value, json};

use super::query::Query;
use super::reply::Refused;

/// RabbitMQ's.
const MAX_PAGE_SIZE: usize = 500;
const DEFAULT_PAGE_SIZE: usize = 100;
/// Expressions that would need more memory than this, in bytes, are refused.
const MAX_REGEX_SIZE: usize = 1 << 20;

/// The list as it was asked for. Without `page` it may have `max_items` at most.
pub(super) fn list(
    mut items: Vec<Value>,
    query: &Query,
    max_items: usize,
) -> Result<Value, Refused> {
    let page = Page::of(query)?;
    let total = items.len();
    if let (Some(_), Some(name)) = (&page, query.get("name").filter(|name| !name.is_empty())) {
        filter(&mut items, name, query.is_true("use_regex"))?;
    }
    if let Some(key) = query.get("sort").filter(|key| !key.is_empty()) {
        items.sort_by(|a, b| order(field(a, key), field(b, key)));
        if query.is_true("sort_reverse") {
            items.reverse();
        }
    }
    let Some(page) = page else {
        if total > max_items {
            return Err(Refused::bad_request(format!(
                "there are {total} of them: ask for pages, ?page=1&page_size={MAX_PAGE_SIZE}"
            )));
        }
        return Ok(columns(Value::Array(items), query));
    };
    let filtered = items.len();
    let pages = filtered.div_ceil(page.size);
    if page.number > pages.max(1) {
        let reason = format!(
            "Page out of range, page: {} page size: {}, len: {filtered}",
            page.number, page.size
        );
        return Err(Refused::pagination("page_out_of_range", reason));
    }
    let items: Vec<Value> = items
        .into_iter()
        .skip((page.number - 1) * page.size)
        .take(page.size)
        .collect();
    Ok(json!({
        "total_count": total,
        "filtered_count": filtered,
        "item_count": items.len(),
        "page": page.number,
        "page_size": page.size,
        "page_count": pages,
        "items": columns(Value::Array(items), query),
    }))
}

/// One object, or each of a list, with the asked columns only. `a.b` is `b` inside of `a`.
pub(super) fn columns(value: Value, query: &Query) -> Value {
    let Some(wanted) = query.get("columns").filter(|wanted| !wanted.is_empty()) else {
        return value;
    };
    let wanted: Vec<&str> = wanted.split(',').collect();
    match value {
        Value::Array(items) => items.iter().map(|item| selected(item, &wanted)).collect(),
        item => selected(&item, &wanted),
    }
}

fn selected(item: &Value, wanted: &[&str]) -> Value {
    let mut chosen = Map::new();
    for path in wanted {
        if let Some(value) = field(item, path) {
            put(&mut chosen, path, value);
        }
    }
    Value::Object(chosen)
}

fn put(object: &mut Map<String, Value>, path: &str, value: &Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value.clone());
        }
        Some((first, rest)) => {
            let inner = object
                .entry(first)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn field<'a>(item: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(item, |value, key| value.get(key))
}

/// Nothing comes first, then truth values, numbers, texts.
fn order(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    fn rank(value: Option<&Value>) -> u8 {
        match value {
            None | Some(Value::Null) => 0,
            Some(Value::Bool(_)) => 1,
            Some(Value::Number(_)) => 2,
            Some(Value::String(_)) => 3,
            Some(_) => 4,
        }
    }
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a
            .as_f64()
            .unwrap_or_default()
            .total_cmp(&b.as_f64().unwrap_or_default()),
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

/// Keeps what has that text in its name, in either case.
fn filter(items: &mut Vec<Value>, name: &str, is_regex: bool) -> Result<(), Refused> {
    let pattern = if is_regex {
        name.to_owned()
    } else {
        regex::escape(name)
    };
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .size_limit(MAX_REGEX_SIZE)
        .build()
        .map_err(|_| Refused::bad_request("Pagination parameters are invalid"))?;
    items.retain(|item| {
        item.get("name")
            .and_then(Value::as_str)
            .is_some_and(|n| pattern.is_match(n))
    });
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn of(query: &Query) -> Result<Option<Self>, Refused> {
        let number = |name| match query.get(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<usize>()
                .map(Some)
                .map_err(|_| Refused::bad_request("Pagination parameters are invalid")),
        };
        let Some(page) = number("page")? else {
            return Ok(None);
        };
        let size = number("page_size")?;
        let chosen = size.unwrap_or(DEFAULT_PAGE_SIZE);
        if page == 0 || chosen == 0 || chosen > MAX_PAGE_SIZE {
            let size = size.map_or_else(|| "undefined".to_owned(), |size| size.to_string());
            let reason =
                format!("Invalid pagination parameters: page number {page}, page size {size}");
            return Err(Refused::pagination("invalid_pagination_parameters", reason));
        }
        Ok(Some(Self {
            number: page,
            size: chosen,
        }))
    }
}

#[cfg(test)]
mod tests;
