//! JSON with the place of every value: serde_json does the strings and numbers, but forgets where they stood.

use std::borrow::Cow;

/// Values nested deeper than this are refused, before they are read.
const DEEPEST: usize = 256;
const MOST_NODES: usize = 2_000_000;

/// A value, and the byte offset where it starts.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) at: usize,
    pub(super) value: Value<'t>,
}

#[derive(Debug)]
pub(super) enum Value<'t> {
    Null,
    Bool,
    Number(f64),
    String(Cow<'t, str>),
    Array(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Member<'t> {
    pub(super) at: usize,
    pub(super) key: Cow<'t, str>,
    pub(super) node: Node<'t>,
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("not well-formed JSON: expected {expected}")]
    Expected { at: usize, expected: &'static str },
    #[error("not well-formed JSON: {why}")]
    Leaf { at: usize, why: String },
    #[error("values are nested deeper than {DEEPEST} levels")]
    TooDeep { at: usize },
    #[error("more than {MOST_NODES} values")]
    TooMany { at: usize },
}

impl Broken {
    /// Where it went wrong.
    pub(super) fn at(&self) -> usize {
        match *self {
            Broken::Expected { at, .. } | Broken::Leaf { at, .. } | Broken::TooDeep { at } | Broken::TooMany { at } => {
                at
            }
        }
    }

    /// The rule's name.
    pub(super) fn rule(&self) -> &'static str {
        match self {
            Broken::Expected { .. } | Broken::Leaf { .. } => "not-well-formed",
            Broken::TooDeep { .. } => "too-deep",
            Broken::TooMany { .. } => "too-many-nodes",
        }
    }
}

/// Reads a document (RFC 8259).
pub(super) fn tree(text: &str) -> Result<Node<'_>, Broken> {
    let mut reader = Reader { text, at: 0, nodes: 0 };
    let root = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(root),
        Some(_) => Err(reader.expected("the end of the document")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> Broken {
        Broken::Expected { at: self.at, expected }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Steps over a byte if it is the next one.
    fn took(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Node<'t>, Broken> {
        self.skip_space();
        let at = self.at;
        if depth > DEEPEST {
            return Err(Broken::TooDeep { at });
        }
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Broken::TooMany { at });
        }
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool)?,
            Some(b'f') => self.word("false", Value::Bool)?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.expected("a value")),
        };
        Ok(Node { at, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value<'t>, Broken> {
        self.at += 1;
        let mut members = Vec::new();
        if self.took(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let key = self.string()?;
            if !self.took(b':') {
                return Err(self.expected("`:`"));
            }
            let node = self.value(depth + 1)?;
            members.push(Member { at, key, node });
            if self.took(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.took(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'t>, Broken> {
        self.at += 1;
        let mut nodes = Vec::new();
        if self.took(b']') {
            return Ok(Value::Array(nodes));
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            if self.took(b']') {
                return Ok(Value::Array(nodes));
            }
            if !self.took(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Broken> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let mut is_plain = true;
        while let Some(&byte) = bytes.get(end) {
            match byte {
                b'"' => {
                    self.at = end + 1;
                    return match is_plain {
                        true => Ok(Cow::Borrowed(&self.text[start + 1..end])),
                        false => self.leaf(start).map(Cow::Owned),
                    };
                }
                b'\\' => end += 2,
                _ => end += 1,
            }
            is_plain &= byte != b'\\' && byte >= b' ';
        }
        Err(Broken::Expected { at: start, expected: "a closing quote for this string" })
    }

    fn number(&mut self) -> Result<Value<'t>, Broken> {
        let start = self.at;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        self.leaf(start).map(Value::Number)
    }

    /// What serde_json makes of the text from `start` to here.
    fn leaf<T: serde::de::DeserializeOwned>(&self, start: usize) -> Result<T, Broken> {
        let slice = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(slice).map_err(|error| {
            // Its line and column are those of the slice.
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default().to_owned();
            Broken::Leaf { at: start, why }
        })
    }

    fn word(&mut self, word: &'static str, value: Value<'t>) -> Result<Value<'t>, Broken> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }
}
