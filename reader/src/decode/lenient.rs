//! JSON as loggers and other writers make it: half an emoji, `1e999`, 200 levels deep, a member that occurs twice. All of it
//! is read; only the strings are changed, where a lone surrogate becomes U+FFFD.
//!
//! Nothing here recurses over its input without a bound, and nothing is kept of a value that is not asked for.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Nesting below this is text and not taken apart: each level is one more pass over what is in it.
const DEEPEST: usize = 16;

/// A longer JSON text, in bytes, is not taken apart into values: each value takes 32 bytes, however short its text.
const MOST_BYTES: usize = 1024 * 1024;

/// A JSON string, whatever surrogates are in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<'a>(PhantomData<&'a ()>);
        impl<'de> Visitor<'de> for Any<'de> {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(without_surrogates(Cow::Borrowed(bytes))))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(without_surrogates(Cow::Owned(bytes.to_vec()))))
            }
        }
        // As bytes, serde_json gives lone surrogates in the three bytes that UTF-8 would have for them.
        deserializer.deserialize_bytes(Any(PhantomData))
    }
}

/// The text, with U+FFFD for each surrogate and for what else is no UTF-8.
fn without_surrogates(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    let bytes = match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return Cow::Borrowed(text),
            Err(_) => bytes.to_vec(),
        },
        Cow::Owned(bytes) => bytes,
    };
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Cow::Owned(text),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return Cow::Owned(text);
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                text.push('\u{fffd}');
                rest = match after {
                    [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] | [_, rest @ ..] => rest,
                    [] => &[],
                };
            }
        }
    }
}

/// The string in a JSON text, if it is one.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json).ok().map(|text| text.0)
}

/// Calls `take` with each member of an object, in order, with its own text; `false` if it is no object.
pub(crate) fn each_member<'a>(json: &'a str, take: impl FnMut(Cow<'a, str>, &'a RawValue)) -> bool {
    struct Each<F>(F);
    impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((Text(name), value)) = map.next_entry()? {
                (self.0)(name, value);
            }
            Ok(())
        }
    }
    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_map(Each(take)).is_ok() && json.end().is_ok()
}

/// Calls `take` with each item of a list; `false` if it is none.
pub(crate) fn each_item<'a>(json: &'a str, take: impl FnMut(&'a RawValue)) -> bool {
    struct Each<F>(F);
    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element()? {
                (self.0)(item);
            }
            Ok(())
        }
    }
    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_seq(Each(take)).is_ok() && json.end().is_ok()
}

/// The value of a JSON text; what cannot be one in memory (`1e999`, what is very deep or very long) is its text.
pub(crate) fn value(json: &str) -> Value {
    value_at(json.trim(), 0)
}

fn value_at(json: &str, depth: usize) -> Value {
    if json.len() > MOST_BYTES {
        return Value::String(json.to_owned());
    }
    if let Ok(value) = serde_json::from_str(json) {
        return value;
    }
    if let Some(text) = string(json) {
        return Value::String(text.into_owned());
    }
    if depth < DEEPEST {
        let mut map = Map::new();
        if each_member(json, |name, value| {
            map.insert(name.into_owned(), value_at(value.get(), depth + 1));
        }) {
            return Value::Object(map);
        }
        let mut items = Vec::new();
        if each_item(json, |item| items.push(value_at(item.get(), depth + 1))) {
            return Value::Array(items);
        }
    }
    Value::String(json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_are_not() {
        for (text, expected) in [
            (r#""order \ud83d failed""#, "order \u{fffd} failed"),
            (r#""\udc00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ude00 😀 é""#, "😀 😀 é"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""""#, ""),
        ] {
            assert_eq!(string(text).unwrap(), expected, "{text}");
        }
        assert!(string("7").is_none() && string(r#""\ud8"#).is_none());
    }

    #[test]
    fn members_come_by_their_meaning() {
        let mut members = Vec::new();
        let json = r#"{"lev\u0065l":1,"\ud83d":2,"level":"WARN"}"#;
        assert!(each_member(json, |name, value| members.push((name.into_owned(), value.get()))));
        let expected = [("level", "1"), ("\u{fffd}", "2"), ("level", "\"WARN\"")];
        assert_eq!(members, expected.map(|(name, value)| (name.to_owned(), value)));
        assert!(!each_member("[1]", |_, _| ()) && !each_member(r#"{"level":1"#, |_, _| ()));
    }

    #[test]
    fn values_that_have_no_place_in_memory_are_their_text() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let text = format!(r#"{{"big":1e999,"half":"\ud83d","deep":{deep},"twice":1,"twice":[2]}}"#);
        let value = value(&text);
        assert_eq!(value["big"], json!("1e999"));
        assert_eq!(value["half"], json!("\u{fffd}"));
        assert_eq!(value["twice"], json!([2]));
        assert!(value["deep"].to_string().contains("[[[["));
        assert_eq!(super::value("{broken"), json!("{broken"));
    }

    #[test]
    fn the_cost_of_depth_is_bounded() {
        let deep = format!("{}1e999{}", "[".repeat(400_000), "]".repeat(400_000));
        assert!(value(&deep).to_string().len() > 800_000);
    }
}
