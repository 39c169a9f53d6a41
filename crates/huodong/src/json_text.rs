//! JSON laid out for reading, byte for byte what it was but for white space: the order of fields,
//! the spelling of numbers and a field that comes twice are what a reader of an exchange looks for.

use serde_json::value::RawValue;

/// The text over several lines; what is no JSON comes back as it is.
pub(crate) fn pretty(body: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(value) => lay_out(value.get()),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}

/// `json` is valid, so brackets outside of strings match.
fn lay_out(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_changes() {
        let json = br#"{"b":1.50, "a" : [ ],"a":"x \" : , { y","c":[{"d":{}},true]}"#;
        let laid_out = r#"{
  "b": 1.50,
  "a": [],
  "a": "x \" : , { y",
  "c": [
    {
      "d": {}
    },
    true
  ]
}"#;
        assert_eq!(pretty(json), laid_out);
        assert_eq!(pretty(b"not { json"), "not { json");
    }
}
