// SPDX-License-Identifier: GPL-2.0

//! Rust source as words and punctuation, without comments. A `.0` is a point and a word.

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether this is the word or mark.
    pub fn is(&self, text: &str) -> bool {
        match self {
            Token::Word(word) => word == text,
            Token::Mark(mark) => text.chars().eq([*mark]),
            Token::Text(_) => false,
        }
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            let len = text_len(rest);
            tokens.push(Token::Text(rest[1..len - 1].to_string()));
            len
        } else if let Some(len) = letter_len(rest) {
            len
        } else if is_of_word(first) {
            let len = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..len].to_string()));
            len
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Mark(first));
            }
            first.len_utf8()
        };
        rest = &rest[len..];
    }
    tokens
}

/// How long a text is, with its quotes. One without an end is as long as the rest.
fn text_len(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len().max(2)
}

/// How long a letter in quotes is, if this is one and not a lifetime.
fn letter_len(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        return Some(escape.get(1..)?.find('\'')? + 4);
    }
    let letter = inner.chars().next()?;
    let len = letter.len_utf8();
    inner[len..].starts_with('\'').then_some(len + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        let token = |token: Token| match token {
            Token::Word(word) => word,
            Token::Text(text) => format!("\"{text}\""),
            Token::Mark(mark) => mark.to_string(),
        };
        tokens(source)
            .into_iter()
            .map(token)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn words_marks_and_texts() {
        assert_eq!(shown("(*p).a.0 // (*q).b\n+1"), "( * p ) . a . 0 + 1");
        assert_eq!(shown("extern \"C\" /* x */ {"), "extern \"C\" {");
        assert_eq!(shown("c\"a\\\"b\\\\\" x"), "c \"a\\\"b\\\\\" x");
        assert_eq!(shown("&'a T, '\"', '\\'', b'\\n' y"), "& ' a T , , , b y");
    }
}
