//! An index of a JSON text: one small entry for each value, in the order of the text.
//!
//! Built in one pass, it lets the tolerant deserializer and the comparison step over whole values
//! instead of scanning them again at each level.

use super::de::Value;
use super::scan::{MAX_DEPTH, Scanner, Token};
use super::{JsonError, JsonKind};

pub(super) struct Tape<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    /// `None` for a member's name.
    kind: Option<JsonKind>,
    start: u32,
    end: u32,
    /// The entry after this value and all that it contains.
    next: u32,
}

impl<'a> Tape<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, JsonError> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut scanner = Scanner::new(text, MAX_DEPTH);
        while let Some((token, range)) = scanner.next()? {
            let (start, end) = (offset(range.start)?, offset(range.end)?);
            let kind = match token {
                Token::Open(kind) => {
                    open.push(nodes.len());
                    Some(kind)
                }
                Token::Scalar(kind) => Some(kind),
                Token::Key => None,
                Token::Close => {
                    let next = offset(nodes.len())?;
                    if let Some(node) = open.pop().and_then(|index| nodes.get_mut(index)) {
                        node.end = end;
                        node.next = next;
                    }
                    continue;
                }
            };
            let next = offset(nodes.len() + 1)?;
            nodes.push(Node {
                kind,
                start,
                end,
                next,
            });
        }
        Ok(Self { text, nodes })
    }

    /// The outermost value.
    pub(super) fn root(&self) -> Value<'_, 'a> {
        Value {
            tape: self,
            node: 0,
        }
    }

    /// What an entry is; a member's name counts as a string.
    pub(super) fn kind(&self, node: usize) -> JsonKind {
        self.nodes
            .get(node)
            .map_or(JsonKind::Null, |node| node.kind.unwrap_or(JsonKind::String))
    }

    pub(super) fn text(&self, node: usize) -> &'a str {
        let range = self
            .nodes
            .get(node)
            .map(|node| node.start as usize..node.end as usize);
        range
            .and_then(|range| self.text.get(range))
            .unwrap_or_default()
    }

    /// The string at an entry without its quotes, still escaped.
    pub(super) fn escaped(&self, node: usize) -> &'a str {
        let text = self.text(node);
        text.get(1..text.len().saturating_sub(1))
            .unwrap_or_default()
    }

    /// The entries directly inside an array or object: elements, or names and values in turn.
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        let end = self.after(node);
        std::iter::successors(Some(node + 1), |child| Some(self.after(*child)))
            .take_while(move |child| *child < end)
    }

    fn after(&self, node: usize) -> usize {
        self.nodes
            .get(node)
            .map_or(usize::MAX, |node| node.next as usize)
    }
}

fn offset(offset: usize) -> Result<u32, JsonError> {
    u32::try_from(offset).map_err(|_| JsonError::TooLong {
        limit: u32::MAX as usize,
    })
}
