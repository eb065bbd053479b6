//! Masked texts, and texts that stay.

use proptest::prelude::*;

use super::*;
use crate::telemetry::json::write_string;

const ALL: [&str; 10] = Named::NAMES;

fn redactor(items: &[&str]) -> Redactor {
    Redactor::new(Redaction::parse(items).unwrap())
}

/// The record after masking; the record itself if nothing was masked.
fn masked(items: &[&str], record: &str) -> String {
    let mut redactor = redactor(items);
    let mut out = String::new();
    if redactor.record(record, &mut out) {
        return out;
    }
    assert_eq!(redactor.masked, 0);
    record.to_owned()
}

#[test]
fn strings_and_numbers_are_masked_wherever_they_stand() {
    for (record, expected) in [
        (
            r#""mail a@b.com and c@d.org\n""#,
            r#""mail [redacted:email] and [redacted:email]\n""#,
        ),
        (
            r#"{"to":["a@b.com",{"x":"10.0.0.1"}]}"#,
            r#"{"to":["[redacted:email]",{"x":"[redacted:ipv4]"}]}"#,
        ),
        (r#"{"a@b.com":1}"#, r#"{"[redacted:email]":1}"#),
        (
            r#"{"card":4111111111111111,"n":1.5}"#,
            r#"{"card":"[redacted:credit_card]","n":1.5}"#,
        ),
        ("4111111111111111", r#""[redacted:credit_card]""#),
        (r#""a\u0040b.com""#, r#""[redacted:email]""#),
        (r#""\ta@b.com\t\"x\" \u00e9""#, r#""\t[redacted:email]\t\"x\" \u00e9""#),
        (r#""4111\u0020111111111111""#, r#""[redacted:credit_card]""#),
        (
            r#"{ "a" : "Bearer abcdefgh" , "b":null }"#,
            r#"{ "a" : "Bearer [redacted:bearer]" , "b":null }"#,
        ),
    ] {
        assert_eq!(masked(&ALL, record), expected, "{record}");
    }
}

#[test]
fn json_inside_of_strings_stays_json() {
    for (text, expected) in [
        (r#"{"mail":"a@b.com","n":1}"#, r#"{"mail":"[redacted:email]","n":1}"#),
        (r#"{"mail":"a\u0040b.com"}"#, r#"{"mail":"[redacted:email]"}"#),
        (r#"{"card":4111111111111111}"#, r#"{"card":"[redacted:credit_card]"}"#),
        (
            r#"{"body":"{\"mail\":\"a@b.com\",\"card\":4111111111111111}"}"#,
            r#"{"body":"{\"mail\":\"[redacted:email]\",\"card\":\"[redacted:credit_card]\"}"}"#,
        ),
        (r#"[{"a":"x\n10.0.0.1\n"}]"#, r#"[{"a":"x\n[redacted:ipv4]\n"}]"#),
        (r#"{"cut off":"a@b.com"#, r#"{"cut off":"[redacted:email]"#),
        (r#"{} and a@b.com"#, r#"{} and [redacted:email]"#),
    ] {
        let mut record = Vec::new();
        write_string(&mut record, text);
        let record = masked(&ALL, std::str::from_utf8(&record).unwrap());
        let masked: String = serde_json::from_str(&record).unwrap();
        let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        if is_json(text) {
            assert!(is_json(&masked), "{masked}");
        }
        assert!(!masked.contains("a@b.com") && !masked.contains("10.0.0.1"), "{masked}");
        if !text.contains("cut off") {
            assert_eq!(masked, expected);
        }
    }
}

#[test]
fn what_has_no_match_is_not_touched() {
    for record in [
        r#""plain\n""#,
        r#"{"a" : "\u00e9\/", "b":[1.50,null,true]}"#,
        "null",
        "{}",
        r#""""#,
    ] {
        let mut redactor = redactor(&ALL);
        assert!(!redactor.record(record, &mut String::new()), "{record}");
    }
}

#[cfg(feature = "regex")]
#[test]
fn own_expressions_are_masked_too_and_cannot_break_the_json() {
    for (expression, record, expected) in [
        (
            "/secret-\\d+/",
            r#"{"a":"secret-12 and secret-3"}"#,
            r#"{"a":"[redacted] and [redacted]"}"#,
        ),
        ("/\"/", r#""a \"b\"""#, r#""a [redacted]b[redacted]""#),
        (
            "/[^x]+/",
            r#"{"key":"value","n":12}"#,
            r#"{"[redacted]":"[redacted]","[redacted]":"[redacted]"}"#,
        ),
        (
            "/\"password\":\"[^\"]*\"/",
            r#""{\"password\":\"hunter2\"}""#,
            r#""{[redacted]}""#,
        ),
        ("/a\\/b/", r#""a/b a\/b""#, r#""[redacted] [redacted]""#),
        ("/x|$/", r#""axb""#, r#""a[redacted]b""#),
    ] {
        if expression == "/x|$/" {
            assert!(Redaction::parse(&[expression]).unwrap_err()[0].contains("matches the empty text"));
            continue;
        }
        assert_eq!(masked(&[expression], record), expected, "{expression}");
    }
    assert_eq!(masked(&["/b@/", "email"], r#""a@b.com""#), r#""[redacted:email]""#);
}

#[test]
fn bytes_that_are_no_event_are_masked_where_they_are_text() {
    let mut redactor = redactor(&ALL);
    assert_eq!(
        redactor.bytes(b"{\"a\":\"a@b.com\",}").as_ref(),
        b"{\"a\":\"[redacted:email]\",}"
    );
    assert_eq!(
        redactor.bytes(b"\xff a@b.com \xfe").as_ref(),
        b"\xff [redacted:email] \xfe"
    );
    assert_eq!(redactor.bytes(b"\xff nothing").as_ref(), b"\xff nothing");
    assert_eq!(redactor.masked, 2);
}

#[test]
fn an_escape_before_an_address_stays_whole() {
    for (before, begins) in [("\t", "alice"), ("\n", "bob"), ("é\"", "u")] {
        for depth in 1..4 {
            let mut text = format!("{before}{begins}@example.com");
            (0..depth).for_each(|_| text = serde_json::to_string(&text).unwrap());
            let mut expected = format!("{before}[redacted:email]");
            (0..depth).for_each(|_| expected = serde_json::to_string(&expected).unwrap());
            assert_eq!(masked(&["email"], &text), expected, "{depth} deep");
        }
    }
}

#[test]
fn mistakes_are_told_one_for_each() {
    let errors = Redaction::parse(&["emial", "email", "telephone", "/never closed"]).unwrap_err();
    assert_eq!(errors.len(), 3, "{errors:#?}");
    assert!(errors[0].contains("did you mean `email`?"));
    assert!(
        errors[1].contains(
            "allowed: email, ipv4, ipv6, phone, credit_card, iban, aws_access_key, aws_secret_key, jwt, bearer"
        )
    );
    assert!(errors[2].contains("does not end in `/`"));
    assert!(Redaction::parse::<&str>(&[]).unwrap().is_empty());
    let items: Vec<_> = Redaction::parse(&[" EMAIL ", "jwt"]).unwrap().items().collect();
    assert_eq!(items, ["email", "jwt"]);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Into::into),
        Just(4_111_111_111_111_111_u64.into()),
        "[a-c@.\"\\\\ \n\u{e9}{\\[]{0,10}(a@b.com|10.0.0.1|4111 1111 1111 1111|)".prop_map(Into::into),
        Just(r#"{"in":"a@b.com","q":"\"","n":[4111111111111111]}"#.into()),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-c@.]{0,4}", inner.clone(), 0..3)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            inner.prop_map(|json| json.to_string().into()),
        ]
    })
}

proptest! {
    #[test]
    fn json_stays_valid_and_nothing_is_left(json in any_json()) {
        let text = json.to_string();
        let record = masked(&ALL, &text);
        let read: serde_json::Value = serde_json::from_str(&record).unwrap();
        prop_assert!(["a@b.com", "4111 1111", "4111111111111111"].iter().all(|left| !record.contains(left)), "{}", record);
        prop_assert_eq!(read.is_object(), json.is_object());
        // What is masked is masked: a second time finds nothing.
        prop_assert_eq!(masked(&ALL, &record), record);
    }
}
