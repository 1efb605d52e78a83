//! A JSON scanner that walks the text once, without recursion and without building a tree.
//!
//! It accepts what Python's `json` does: also the bare tokens `NaN`, `Infinity` and `-Infinity`,
//! numbers of any length, and escapes of lone surrogates.

use std::ops::Range;

use super::special::{copy_plain, next_special};
use super::string::{Lone, unescape_one};
use super::{JsonError, JsonKind};

/// Deepest nesting that any scanner allows. Python gives up at about 1000.
pub(crate) const MAX_DEPTH: usize = 512;

/// One step of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `{` or `[`.
    Open(JsonKind),
    /// `}` or `]`.
    Close,
    /// A member's name, with its quotes; the colon after it is consumed.
    Key,
    /// A string, number, boolean or null.
    Scalar(JsonKind),
}

/// Where a value or a name stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// With the quotes of a string.
    pub(crate) range: Range<usize>,
    /// Whether it is a string without escapes.
    pub(crate) plain: bool,
}

/// Where a member's name and its value stand.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: Place,
    pub(crate) value: Place,
}

/// Walks over JSON text and checks it.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    expect: Expect,
    nesting: Nesting,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// After `[`.
    FirstElement,
    /// After `{`.
    FirstKey,
    /// After a comma in an object.
    Key,
    /// After a value inside an array or object.
    Separator,
    /// After the outermost value.
    End,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, depth_limit: usize) -> Self {
        Self::of_bytes(text.as_bytes(), depth_limit)
    }

    /// A scanner of bytes that may not be UTF-8: that is not checked here. Places still are at
    /// characters' borders where the bytes are text.
    pub(crate) fn of_bytes(bytes: &'a [u8], depth_limit: usize) -> Self {
        Self {
            bytes,
            at: 0,
            expect: Expect::Value,
            nesting: Nesting::new(depth_limit.min(MAX_DEPTH)),
        }
    }

    /// The next token and where it stands; `None` after the end of the text.
    pub(crate) fn next(&mut self) -> Result<Option<(Token, Range<usize>)>, JsonError> {
        loop {
            self.skip_space();
            let start = self.at;
            let token = match (self.expect, self.peek()) {
                (Expect::End, None) => return Ok(None),
                (Expect::End, Some(_)) => return Err(self.expected("the end")),
                (Expect::Separator, Some(b',')) => {
                    self.at += 1;
                    self.expect = if self.nesting.in_object() {
                        Expect::Key
                    } else {
                        Expect::Value
                    };
                    continue;
                }
                (Expect::Separator | Expect::FirstKey, Some(b'}')) if self.nesting.in_object() => {
                    self.close()
                }
                (Expect::Separator | Expect::FirstElement, Some(b']'))
                    if !self.nesting.in_object() =>
                {
                    self.close()
                }
                (Expect::Separator, _) => {
                    return Err(self.expected("a comma or the closing bracket"));
                }
                (Expect::Key | Expect::FirstKey, Some(b'"')) => {
                    return Ok(Some((Token::Key, self.key()?.range)));
                }
                (Expect::Key | Expect::FirstKey, _) => return Err(self.expected("a member's name")),
                (Expect::Value | Expect::FirstElement, byte) => self.value(byte)?,
            };
            return Ok(Some((token, start..self.at)));
        }
    }

    /// The whole next value, whatever it contains. `None` where a container or the text ends.
    pub(crate) fn whole_value(&mut self) -> Result<Option<(JsonKind, Range<usize>)>, JsonError> {
        let depth = self.nesting.depth;
        let Some((token, start)) = self.next()? else {
            return Ok(None);
        };
        let kind = match token {
            Token::Scalar(kind) => return Ok(Some((kind, start))),
            Token::Open(kind) => kind,
            Token::Close | Token::Key => return Ok(None),
        };
        self.leave(depth)?;
        Ok(Some((kind, start.start..self.at)))
    }

    /// Passes over what is left of the containers deeper than `depth`.
    #[inline]
    fn leave(&mut self, depth: usize) -> Result<(), JsonError> {
        while self.nesting.depth > depth {
            self.next()?;
        }
        Ok(())
    }

    /// The next member of the object whose `{` was just passed. `None` after the last.
    pub(crate) fn member(&mut self) -> Result<Option<Member>, JsonError> {
        let Some(name) = self.name()? else {
            return Ok(None);
        };
        self.skip_space();
        let (start, depth) = (self.at, self.nesting.depth);
        let mut plain = false;
        if self.peek() == Some(b'"') {
            plain = self.string()?;
            self.expect = Expect::Separator;
        } else {
            self.value(self.peek())?;
            self.leave(depth)?;
        }
        let range = start..self.at;
        Ok(Some(Member {
            name,
            value: Place { range, plain },
        }))
    }

    /// The name of the next member of the object whose `{` was just passed, so that its value is
    /// next. `None` after the last.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Option<Place>, JsonError> {
        self.skip_space();
        if self.expect == Expect::Separator && self.peek() == Some(b',') {
            self.at += 1;
            self.skip_space();
            self.expect = Expect::Key;
        }
        if self.peek() == Some(b'"') && matches!(self.expect, Expect::Key | Expect::FirstKey) {
            return self.key().map(Some);
        }
        // The closing brace, or what does not belong here.
        self.next()?;
        Ok(None)
    }

    /// Appends the text of the next value if it is a string, checked and unescaped in one pass,
    /// and tells where it stands; escapes of lone surrogates stay. Otherwise `None`, and the value
    /// is still the next one.
    pub(crate) fn unescaped_string(
        &mut self,
        text: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, JsonError> {
        self.skip_space();
        if self.expect != Expect::Value || self.peek() != Some(b'"') {
            return Ok(None);
        }
        let start = self.at;
        let length = self.bytes.len();
        self.at += 1;
        let mut rest = self.rest();
        loop {
            let plain = copy_plain(rest, text);
            rest = rest.get(plain..).unwrap_or_default();
            match rest {
                // By far the most frequent ones in JSON inside JSON.
                [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                    text.push(*escaped);
                    rest = after;
                }
                [b'"', after @ ..] => {
                    self.at = length - after.len();
                    self.expect = self.after_value();
                    return Ok(Some(start..self.at));
                }
                [b'\\', ..] => {
                    self.at = length - rest.len();
                    self.escape()?;
                    let length = unescape_one(rest, Lone::Keep, text)?;
                    rest = rest.get(length..).unwrap_or_default();
                }
                _ => {
                    self.at = length - rest.len();
                    return Err(self.expected("the end of a string"));
                }
            }
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Place, JsonError> {
        let start = self.at;
        let plain = self.string()?;
        let range = start..self.at;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok(Place { range, plain })
    }

    fn value(&mut self, first: Option<u8>) -> Result<Token, JsonError> {
        let kind = match first {
            Some(b'{') => return self.open(JsonKind::Object, Expect::FirstKey),
            Some(b'[') => return self.open(JsonKind::Array, Expect::FirstElement),
            Some(b'"') => {
                self.string()?;
                JsonKind::String
            }
            Some(b'n') => self.word("null", JsonKind::Null)?,
            Some(b't') => self.word("true", JsonKind::Bool)?,
            Some(b'f') => self.word("false", JsonKind::Bool)?,
            Some(b'N') => self.word("NaN", JsonKind::Number)?,
            Some(b'I') => self.word("Infinity", JsonKind::Number)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.expected("a value")),
        };
        self.expect = self.after_value();
        Ok(Token::Scalar(kind))
    }

    fn open(&mut self, kind: JsonKind, expect: Expect) -> Result<Token, JsonError> {
        self.nesting.push(kind == JsonKind::Object)?;
        self.at += 1;
        self.expect = expect;
        Ok(Token::Open(kind))
    }

    fn close(&mut self) -> Token {
        self.at += 1;
        self.nesting.pop();
        self.expect = self.after_value();
        Token::Close
    }

    #[inline]
    fn after_value(&self) -> Expect {
        if self.nesting.depth == 0 {
            Expect::End
        } else {
            Expect::Separator
        }
    }

    /// Passes over a string, and tells whether it is without escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, JsonError> {
        self.at += 1;
        let mut plain = true;
        loop {
            self.at += next_special(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(plain);
                }
                Some(b'\\') => {
                    plain = false;
                    self.escape()?;
                }
                _ => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.expected("four hex digits"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.expected("an escape character")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<JsonKind, JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.peek() == Some(b'I') {
                return self.word("Infinity", JsonKind::Number);
            }
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(JsonKind::Number)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.expected("a digit"))
        } else {
            Ok(())
        }
    }

    fn word(&mut self, word: &'static str, kind: JsonKind) -> Result<JsonKind, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(kind)
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError::Syntax {
            offset: self.at,
            expected,
        }
    }
}

/// Which of the open containers are objects: one bit a level, so that depth costs no memory.
struct Nesting {
    objects: [u64; MAX_DEPTH / 64],
    depth: usize,
    limit: usize,
}

impl Nesting {
    fn new(limit: usize) -> Self {
        Self {
            objects: [0; MAX_DEPTH / 64],
            depth: 0,
            limit,
        }
    }

    fn push(&mut self, object: bool) -> Result<(), JsonError> {
        let too_deep = JsonError::TooDeep { limit: self.limit };
        if self.depth >= self.limit {
            return Err(too_deep);
        }
        let word = self.objects.get_mut(self.depth / 64).ok_or(too_deep)?;
        let bit = 1 << (self.depth % 64);
        if object {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn in_object(&self) -> bool {
        let Some(level) = self.depth.checked_sub(1) else {
            return false;
        };
        self.objects
            .get(level / 64)
            .is_some_and(|word| word & (1 << (level % 64)) != 0)
    }
}
