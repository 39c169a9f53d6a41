//! Bodies from the command line: `field=text` and `field:=JSON`, or a whole body.

use std::io::Read as _;

use serde_json::Value;

use crate::failure::{Context as _, Failure};

/// A field and what it is set to.
pub(crate) type Field = (String, Value);

/// `name=text`, `name:=json`. The fields named in `numbers` are numbers on the wire, and so here.
pub(crate) fn parse(field: &str, numbers: &[&str]) -> Result<Field, Failure> {
    let (name, value) = field.split_once('=').ok_or_else(|| {
        Failure::usage(format!("{field:?}: a field is given as name=value or name:=JSON"))
    })?;
    if let Some(name) = name.strip_suffix(':') {
        let value = serde_json::from_str(value).map_err(|error| {
            Failure::usage(format!("{field:?}: what follows := must be JSON: {error}"))
        })?;
        return Ok((name.to_owned(), value));
    }
    let number = numbers.contains(&name).then(|| value.parse::<u64>().ok());
    let value = number.flatten().map_or_else(|| Value::from(value), Value::from);
    Ok((name.to_owned(), value))
}

/// Lays what was given over what is filled in; what is not among that comes last.
pub(crate) fn lay_over(fields: &mut Vec<Field>, given: Vec<Field>) {
    for (name, value) in given {
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => fields.push((name, value)),
        }
    }
}

/// A JSON object with its fields in this order.
pub(crate) fn object(fields: &[Field]) -> String {
    let text = |(name, value): &Field| format!("{}:{value}", Value::from(name.as_str()));
    format!("{{{}}}", fields.iter().map(text).collect::<Vec<_>>().join(","))
}

/// A body of one's own, as it stands; `-` is standard input.
pub(crate) fn whole(body: &str) -> Result<String, Failure> {
    if body != "-" {
        return Ok(body.to_owned());
    }
    let mut body = String::new();
    std::io::stdin().read_to_string(&mut body).cannot("read standard input")?;
    Ok(body)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_text_unless_the_wire_says_number_or_the_caller_says_json() {
        let parse = |field| parse(field, &["money"]);
        assert_eq!(parse("money=5").unwrap(), ("money".into(), json!(5)));
        assert_eq!(parse("money=five").unwrap(), ("money".into(), json!("five")));
        assert_eq!(parse("bid=5").unwrap(), ("bid".into(), json!("5")));
        assert_eq!(parse("bid:=5").unwrap(), ("bid".into(), json!(5)));
        assert_eq!(parse("a=b=c").unwrap(), ("a".into(), json!("b=c")));
        assert!(parse("money").is_err());
        assert!(parse("money:=five").is_err());
    }

    #[test]
    fn what_is_given_takes_the_place_of_what_is_filled_in() {
        let mut fields = vec![("a".into(), json!("1")), ("b".into(), json!(2))];
        lay_over(&mut fields, vec![("c".into(), json!([])), ("a".into(), json!("\"x"))]);
        assert_eq!(object(&fields), r#"{"a":"\"x","b":2,"c":[]}"#);
    }
}
