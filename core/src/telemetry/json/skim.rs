//! Finds members in JSON text that is known to be valid, without a stack and without copies. On other text it finds
//! nothing, or whatever stands where a member would.

use super::unescape;

/// The value of an object's member, or of an array's place where `key` is a number. Of members of the same name the
/// last counts, as for nearly every reader of JSON.
pub(crate) fn child<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let mut at = 1;
    match json.as_bytes().first()? {
        b'{' => {
            let mut found = None;
            loop {
                at = next_token(json, at);
                let name = value(json, at).filter(|name| name.starts_with('"'));
                let Some(name) = name else { return found };
                at = next_token(json, at + name.len());
                let member = value(json, at)?;
                let plain = name.get(1..name.len().saturating_sub(1)).unwrap_or_default();
                if plain == key || (plain.contains('\\') && unescape(name) == key) {
                    found = Some(member);
                }
                at += member.len();
            }
        }
        b'[' => {
            let mut places: usize = key.parse().ok()?;
            loop {
                at = next_token(json, at);
                let item = value(json, at)?;
                if places == 0 {
                    return Some(item);
                }
                places -= 1;
                at += item.len();
            }
        }
        _ => None,
    }
}

/// True if the text is one object, as far as its brackets and quotes tell.
pub(crate) fn is_whole_object(text: &str) -> bool {
    text.starts_with('{') && value(text, 0).is_some_and(|value| value.len() == text.len())
}

/// Position of the next token that is neither white space nor a separator.
fn next_token(json: &str, at: usize) -> usize {
    let rest = json.as_bytes().get(at..).unwrap_or_default();
    let skipped = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':'));
    at + skipped.count()
}

/// The value that starts at `at`. `None` at the end of what holds it.
fn value(json: &str, at: usize) -> Option<&str> {
    let bytes = json.as_bytes().get(at..)?;
    let length = match bytes.first()? {
        b'"' => string_length(bytes)?,
        b'{' | b'[' => {
            let (mut depth, mut length) = (0_usize, 0);
            loop {
                match bytes.get(length)? {
                    b'"' => {
                        length += string_length(bytes.get(length..)?)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                length += 1;
                if depth == 0 {
                    break length;
                }
            }
        }
        b'}' | b']' => return None,
        _ => {
            let end = bytes
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b':' | b'"'));
            end.unwrap_or(bytes.len())
        }
    };
    json.get(at..at + length)
}

/// Length of the string that these bytes begin with, quotes included.
pub(crate) fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 1;
    loop {
        length += memchr::memchr2(b'"', b'\\', bytes.get(length..)?)?;
        match bytes.get(length)? {
            b'"' => return Some(length + 1),
            _ => length += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_and_places() {
        let json = r#"{ "a" : 1, "b":{"a":2,"x":[{"y":"}\"]"},[3],-4.5e1]}, "a":"last", "\u0064":null , "":true }"#;
        for (path, expected) in [
            ("a", Some("\"last\"")),
            ("b.a", Some("2")),
            ("b.x.0.y", Some(r#""}\"]""#)),
            ("b.x.1.0", Some("3")),
            ("b.x.2", Some("-4.5e1")),
            ("b.x.3", None),
            ("b.x.y", None),
            ("d", Some("null")),
            ("e", None),
            ("a.b", None),
            ("", Some("true")),
        ] {
            let found = path.split('.').try_fold(json, |value, key| child(value, key));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_survived() {
        for text in [
            "",
            "{",
            "{\"",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":{",
            "[",
            "{]",
            "{}}",
            "\"a",
            "{\"a\\",
            "{:,\"é\":é",
            "{\"a\":]",
        ] {
            let _ = child(text, "a");
            let _ = child(text, "0");
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "[a-c\"\\\\{}\\[\\],: é\n]{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map("[a-c\"\\\\]{0,2}", inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn finds_what_serde_json_finds(json in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            match &json {
                serde_json::Value::Object(members) => {
                    for (key, value) in members {
                        prop_assert_eq!(&parse(child(&text, key).unwrap()), value);
                    }
                    prop_assert_eq!(child(&text, "absent"), None);
                }
                serde_json::Value::Array(items) => {
                    for (place, value) in items.iter().enumerate() {
                        prop_assert_eq!(&parse(child(&text, &place.to_string()).unwrap()), value);
                    }
                    prop_assert_eq!(child(&text, &items.len().to_string()), None);
                }
                _ => prop_assert_eq!(child(&text, "0"), None),
            }
        }

        #[test]
        fn survives_anything(text in r#"[\[\]{}:,"\\ 0a]{0,24}"#) {
            let _ = child(&text, "a");
            let _ = child(&text, "0");
        }
    }
}
