use super::merge::MOST_KINDS;
use super::*;

fn outline(body: &str) -> Vec<String> {
    outline_bytes(body.as_bytes())
}

/// `type` of each event; `!` and the raw text of each malformed piece.
fn outline_bytes(body: &[u8]) -> Vec<String> {
    Batch::new(body)
        .map(|item| match item {
            Ok(event) => event.kind.name().to_owned(),
            Err(malformed) => format!("!{}", String::from_utf8_lossy(malformed.raw)),
        })
        .collect()
}

#[test]
fn an_event_lends_its_members() {
    let body = br#" [ {"time":"t","type":"function","record":{"a":{"level":1},"AWSRequestId":"x","requestId":"r","level":"WARN","tenantId":"b"},"later":[1]} ] "#;
    let event = Batch::new(body).next().unwrap().unwrap();
    assert_eq!(event.kind, crate::telemetry::event::Kind::Function);
    assert_eq!(event.time, Some("\"t\""));
    assert_eq!(event.members.request_id, Some("\"r\""));
    assert_eq!(event.members.tenant_id, Some("\"b\""));
    assert_eq!(event.members.level, Some("\"WARN\""));
    assert!(event.record.unwrap().starts_with("{\"a\"") && event.record.unwrap().ends_with("\"b\"}"));
    assert!(event.raw.starts_with("{\"time\"") && event.raw.ends_with("[1]}"));
    assert!(!event.has_line_breaks);
}

#[test]
fn request_ids_go_by_their_rank_and_empty_ones_do_not_count() {
    let of = |record: &str| {
        let body = format!(r#"[{{"type":"function","record":{record}}}]"#);
        Batch::new(body.as_bytes())
            .next()
            .unwrap()
            .unwrap()
            .members
            .request_id
            .map(str::to_owned)
    };
    assert_eq!(of(r#"{"requestId":"a","AWSRequestId":"b"}"#).as_deref(), Some("\"a\""));
    assert_eq!(of(r#"{"AWSRequestId":"b","requestId":""}"#).as_deref(), Some("\"b\""));
    assert_eq!(of(r#"{"function_request_id":"c"}"#).as_deref(), Some("\"c\""));
    assert_eq!(of(r#"{"requestId":7}"#), None);
    assert_eq!(of(r#""{\"requestId\":\"x\"}""#), None);
}

#[test]
fn unknown_types_and_missing_members_are_fine() {
    assert_eq!(
        outline(r#"[{"type":"platform.fromTheFuture"},{"type":"platf\u006frm.start","x":1}]"#),
        ["platform.fromTheFuture", "platform.start"]
    );
}

#[test]
fn empty_bodies_hold_nothing() {
    for body in ["", " ", "[]", " [ \n ] "] {
        assert_eq!(outline(body), Vec::<String>::new(), "{body:?}");
    }
}

#[test]
fn a_malformed_element_costs_only_itself() {
    let good = r#"{"type":"function","record":"x"}"#;
    for bad in [
        "{bad}",
        "1",
        "\"text\"",
        "null",
        "[1,2]",
        "{}",
        r#"{"type":3}"#,
        r#"{"record":"no type"}"#,
        r#"{"type":"function","record":"\x"}"#,
        r#"{"type":"function","record":"unterminated}"#,
        r#"{"type":"function","record":[}"#,
        r#"{"type":"function","type":"function"}"#,
        r#"{"type":"function","forwarder":{}}"#,
        r#"{"type":"forwarder.report"}"#,
        "{\"type\":\"function\",\"record\":\"a\nb\"}",
    ] {
        let bang = format!("!{bad}");
        assert_eq!(
            outline(&format!("[{bad}]")).first().unwrap().get(..2),
            bang.get(..2),
            "{bad}"
        );
        assert_eq!(
            outline(&format!("[{good},{bad},{good}]")),
            ["function", &bang, "function"],
            "{bad}"
        );
        assert_eq!(outline(&format!("[{bad} , {good}]")), [&bang, "function"], "{bad}");
    }
}

#[test]
fn text_that_is_not_utf8_costs_only_its_event() {
    let body = b"[{\"type\":\"function\",\"record\":\"\xff\"},{\"type\":\"extension\"}]";
    let items: Vec<_> = Batch::new(body).collect();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items.first().unwrap().as_ref().unwrap_err().raw,
        b"{\"type\":\"function\",\"record\":\"\xff\"}"
    );
    assert_eq!(
        items.last().unwrap().as_ref().unwrap().kind,
        crate::telemetry::event::Kind::Extension
    );
}

#[test]
fn a_body_of_broken_elements_is_read_in_linear_time() {
    let body = format!(
        "[{}]",
        vec![r#"{"type":"function","record":[}"#; 40_000].join(r#",{"type":"function"},"#)
    );
    let looked_at = |body: &str| {
        let mut batch = Batch::new(body.as_bytes());
        let pieces = batch.by_ref().count();
        (pieces, SCANS * body.len() - batch.scans_left)
    };
    let (pieces, scanned) = looked_at(&body);
    assert!(
        pieces > 1 && scanned <= SCANS * body.len(),
        "{pieces} pieces, {scanned} bytes looked at"
    );
}

#[test]
fn behind_thousands_of_malformed_pieces_the_rest_is_one() {
    let body = |pairs: usize| format!("[{}]", vec![r#"{"type":"function"},1"#; pairs].join(","));
    let of = |pairs: usize| Batch::new(body(pairs).as_bytes()).count();
    assert_eq!(of(MOST_PIECES), 2 * MOST_PIECES);
    let many = body(3 * MOST_PIECES);
    let items: Vec<_> = Batch::new(many.as_bytes()).collect();
    assert_eq!(items.len(), 2 * MOST_PIECES + 2);
    let rest = items.last().unwrap().as_ref().unwrap_err();
    assert!(many.as_bytes().ends_with(rest.raw), "nothing is left out");
}

#[test]
fn neighbouring_malformed_elements_are_one_piece() {
    let ones = vec!["1"; 100_000].join(",");
    assert_eq!(outline(&format!("[{ones}]")), [format!("!{ones}")]);
    let good = r#"{"type":"function"}"#;
    assert_eq!(
        outline(&format!("[1,2,{good},3 , \"x\",{good},4]")),
        ["!1,2", "function", "!3 , \"x\"", "function", "!4"]
    );
    // Commas too many, and no end.
    assert_eq!(
        outline(&format!("[1,,2, ,{good},,x,, ,{good}, ,1,,2")),
        ["!1,,2", "function", "!x", "function", "!1,,2"]
    );
    // Strings hide what is in them; one that has no end does not.
    assert_eq!(
        outline(&format!(r#"[1,"a,{{\"type\"]",2,{good},x"",y"\"",{good},1,"b,{good}]"#)),
        [
            r#"!1,"a,{\"type\"]",2"#,
            "function",
            r#"!x"",y"\"""#,
            "function",
            r#"!1,"b"#,
            "function"
        ]
    );
    let mixed: Vec<u8> = [b"[".to_vec(), b"1,\"\xff\",".repeat(10_000), b"1]".to_vec()].concat();
    assert!(outline_bytes(&mixed).len() <= MOST_KINDS + 1);
}

#[test]
fn what_nobody_could_read_is_no_event() {
    for bad in [
        r#"{"type":"function","forw\u0061rder":{}}"#,
        r#"{"typ\u0065":"forwarder.dropped"}"#,
        r#"{"type":"function","typ\u0065":"forwarder.dropped"}"#,
        r#"{"type":"function","time":5}"#,
        r#"{"type":"function","time":null}"#,
        r#"{"type":"function","time":"\ud83d"}"#,
        r#"{"type":"\udc00"}"#,
        r#"{"type":"function","\ud83d":1}"#,
    ] {
        assert_eq!(outline(&format!("[{bad}]")), [format!("!{bad}")]);
    }
    assert_eq!(outline(r#"[{"typ\u0065":"function","\u0074ime":"t"}]"#), ["function"]);
    let long = "x".repeat(200);
    for id in [r"\ud83d", r"a\udc00", &long] {
        let body = format!(r#"[{{"type":"function","record":{{"requestId":"{id}","tenantId":"{id}"}}}}]"#);
        let members = Batch::new(body.as_bytes()).next().unwrap().unwrap().members;
        assert_eq!((members.request_id, members.tenant_id), (None, None), "{id}");
    }
    let pair = r#"[{"type":"function","record":{"requestId":"\ud83d\ude00"}}]"#;
    assert!(
        Batch::new(pair.as_bytes())
            .next()
            .unwrap()
            .unwrap()
            .members
            .request_id
            .is_some()
    );
}

#[test]
fn broken_bodies_are_kept_as_they_came() {
    assert_eq!(outline("hello"), ["!hello"]);
    assert_eq!(outline(r#"{"type":"function"}"#), [r#"!{"type":"function"}"#]);
    assert_eq!(
        outline(r#"[{"type":"function"},{"type":"fu"#),
        ["function", r#"!{"type":"fu"#]
    );
    assert_eq!(outline(r#"[{"type":"function"}"#), ["function", "!"]);
    assert_eq!(outline(r#"[{"type":"function"}] tail"#), ["function", "!tail"]);
    assert_eq!(
        outline(r#"[{"type":"function"} {"type":"extension"}]"#),
        ["function", "extension"]
    );
    assert_eq!(
        outline(r#"[,{"type":"function"},,{"type":"extension"},]"#),
        ["function", "extension"]
    );
}
