//! What a PromQL expression names: metrics, labels and what they are compared with. Whether it is
//! well-formed in every respect is for Prometheus to say; what this does not know, it refuses.

use std::collections::BTreeSet;

/// The functions and aggregations that the dashboard and the rules use.
const FUNCTIONS: [&str; 11] = [
    "count",
    "delta",
    "deriv",
    "histogram_quantile",
    "increase",
    "max",
    "max_over_time",
    "min",
    "rate",
    "sum",
    "vector",
];
const GROUPINGS: [&str; 4] = ["by", "without", "on", "ignoring"];
const OPERATORS: [&str; 4] = ["and", "or", "unless", "bool"];

/// What an expression names.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub(super) selectors: Vec<Selector>,
    /// Labels in `by (…)` and the like.
    pub(super) groupings: BTreeSet<String>,
}

/// `metric{label="value"}`.
#[derive(Debug)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
}

/// `label="value"`, or with another comparison.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) label: String,
    comparison: String,
    value: String,
}

impl Matcher {
    /// The values it names.
    pub(super) fn alternatives(&self) -> Vec<&str> {
        match self.comparison.as_str() {
            "=~" | "!~" => self.value.split('|').collect(),
            _ => vec![&self.value],
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number,
    /// `[…]`
    Range,
    Sign(String),
}

impl Expression {
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let tokens = tokens(text);
        let sign = |at: usize, sign: &str| matches!(tokens.get(at), Some(Token::Sign(found)) if found == sign);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            let Token::Name(name) = token else { continue };
            if is_grouping(name) {
                assert!(sign(at, "("), "{name} without labels: {text}");
                let labels = tokens[at..].iter().take_while(|token| !is_sign(token, ")"));
                found.groupings.extend(labels.filter_map(|token| match token {
                    Token::Name(label) => Some(label.clone()),
                    _ => None,
                }));
                at += tokens[at..].iter().position(|token| is_sign(token, ")")).expect("closed");
            } else if FUNCTIONS.contains(&name.as_str()) {
                let grouped = matches!(tokens.get(at), Some(Token::Name(by)) if is_grouping(by));
                assert!(sign(at, "(") || grouped, "{name} of nothing: {text}");
            } else if !OPERATORS.contains(&name.as_str()) {
                assert!(!sign(at, "("), "what is {name}? {text}");
                let mut matchers = Vec::new();
                if sign(at, "{") {
                    let end = tokens[at..].iter().position(|token| is_sign(token, "}"));
                    let end = at + end.expect("closed");
                    let inside = tokens[at + 1..end].split(|token| is_sign(token, ","));
                    matchers.extend(inside.map(|tokens| matcher(tokens, text)));
                    at = end + 1;
                }
                found.selectors.push(Selector { metric: name.clone(), matchers });
            }
        }
        assert!(!found.selectors.is_empty(), "it asks for nothing: {text}");
        found
    }
}

fn is_grouping(name: &str) -> bool {
    GROUPINGS.contains(&name)
}

fn is_sign(token: &Token, sign: &str) -> bool {
    matches!(token, Token::Sign(found) if found == sign)
}

fn matcher(tokens: &[Token], text: &str) -> Matcher {
    match tokens {
        [Token::Name(label), Token::Sign(comparison), Token::Text(value)]
            if ["=", "!=", "=~", "!~"].contains(&comparison.as_str()) =>
        {
            let (label, value) = (label.clone(), value.clone());
            Matcher { label, comparison: comparison.clone(), value }
        }
        _ => panic!("{tokens:?} compares no label: {text}"),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut open = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(first, rest, text);
        match &token {
            Token::Sign(sign) if sign == "(" || sign == "{" => open.push(first),
            Token::Sign(sign) if sign == ")" => assert_eq!(open.pop(), Some('('), "{text}"),
            Token::Sign(sign) if sign == "}" => assert_eq!(open.pop(), Some('{'), "{text}"),
            _ => {}
        }
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    assert!(open.is_empty(), "something is not closed: {text}");
    tokens
}

/// The token that `rest` begins with, and its length.
fn token(first: char, rest: &str, text: &str) -> (Token, usize) {
    let while_ = |holds: fn(char) -> bool| rest.find(|c| !holds(c)).unwrap_or(rest.len());
    match first {
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = while_(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            (Token::Name(rest[..length].to_owned()), length)
        }
        '0'..='9' => (Token::Number, while_(|c| c.is_ascii_digit() || c == '.')),
        '"' => {
            let length = rest[1..].find('"').expect("a text that ends");
            assert!(!rest[1..=length].contains('\\'), "escapes are not read: {text}");
            (Token::Text(rest[1..=length].to_owned()), length + 2)
        }
        '[' => (Token::Range, rest.find(']').expect("a range that ends") + 1),
        '(' | ')' | '{' | '}' | ',' | '+' | '-' | '*' | '/' => (Token::Sign(first.to_string()), 1),
        '=' | '!' | '<' | '>' => {
            let length = while_(|c| "=!<>~".contains(c));
            (Token::Sign(rest[..length].to_owned()), length)
        }
        other => panic!("{other:?} is not read: {text}"),
    }
}
