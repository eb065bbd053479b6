use super::*;

fn parse(line: &str) -> Result<Arguments, String> {
    let words = std::iter::once("consumer").chain(line.split_whitespace());
    match Command::parse(words.map(OsString::from)) {
        Ok(Command::Read(arguments)) => Ok(*arguments),
        Ok(_) => Err("something else".into()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn everything_can_be_said() {
    let arguments = parse(
        "--from trim-horizon telemetry --checkpoint f --no-follow --for 10m --function a --function b* --request 8f \
         --level warn --type platform.* --grep x+ --json -q --verify --color always --endpoint http://127.0.0.1:1 \
         --fan-out look --fan-out-temporary",
    )
    .unwrap();
    assert_eq!(arguments.input, Input::Stream(Stream::Name("telemetry".into())));
    assert_eq!(arguments.start, Some(Start::TrimHorizon));
    assert_eq!(arguments.duration, Some(Duration::from_secs(600)));
    assert_eq!(
        (arguments.filter.functions.len(), arguments.filter.level),
        (2, Some(Level::Warn))
    );
    assert!(!arguments.follow && arguments.json && arguments.quiet && arguments.verify);
    assert_eq!(arguments.colours, Some(true));
    assert!(arguments.fan_out.as_deref() == Some("look") && arguments.fan_out_is_temporary);
}

#[test]
fn an_arn_says_its_region_and_an_option_overrules_it() {
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry";
    assert_eq!(parse(arn).unwrap().access.region.as_deref(), Some("eu-west-1"));
    let other = parse(&format!("{arn} --region us-east-1")).unwrap();
    assert_eq!(other.access.region.as_deref(), Some("us-east-1"));
}

#[test]
fn paths_are_told_from_streams() {
    let is_a_stream = |line: &str| matches!(parse(line).unwrap().input, Input::Stream(_));
    for line in [
        "telemetry",
        "a.b",
        "arn:aws:kinesis:eu-west-1:1:stream/a",
        "arn:aws:kinesis:eu-west-1:1:stream/a.gz",
    ] {
        assert!(is_a_stream(line), "{line}");
    }
    for line in [
        "-",
        "./telemetry",
        "telemetry/",
        "a.jsonl",
        "a.jsonl.gz",
        "a.zst",
        "a b",
        "- --from trim-horizon",
    ] {
        assert!(!is_a_stream(line), "{line}");
    }
    for (line, error) in [
        ("- --from 10m", "--from: files"),
        ("a/ --checkpoint c", "--checkpoint: files"),
        ("a/ --fan-out c", "--fan-out: files"),
    ] {
        assert!(parse(line).err().unwrap().starts_with(error), "{line}");
    }
}

#[test]
fn rows_are_filtered_by_their_type() {
    let arguments = parse("a --invocations --function f").unwrap();
    assert!(arguments.invocations && arguments.filter.types == ["forwarder.invocation"]);
}

#[test]
fn the_first_word_may_be_a_command() {
    let arguments = parse("mcp mcp").unwrap();
    assert!(arguments.mcp && arguments.input.name() == "mcp");
    assert!(!parse("a").unwrap().mcp);
}

#[test]
fn a_page_is_served_where_it_is_wanted() {
    for (line, address) in [
        ("a --web", "127.0.0.1:8400"),
        ("--web a", "127.0.0.1:8400"),
        ("--web 127.0.0.1:9000 a", "127.0.0.1:9000"),
        ("a --web localhost:0 --json", "127.0.0.1:0"),
        ("a --web=0.0.0.0:80", "0.0.0.0:80"),
        ("a --web [::1]:80", "[::1]:80"),
    ] {
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.web.unwrap().to_string(), address, "{line}");
        assert_eq!(arguments.input.name(), "a", "{line}");
    }
    assert!(parse("a").unwrap().web.is_none());
}

#[test]
fn mistakes_are_said_with_what_would_be_right() {
    for (line, part) in [
        ("", "which stream?"),
        ("a --form 10m", "--form"),
        ("a --from soon", "how long ago"),
        ("a --level loud", "no level `loud`; trace"),
        ("a --for ever", "--for: `ever` is no time such as"),
        ("a --grep (", "--grep"),
        ("a --web=8400", "no address with a port"),
        ("a --color green", "auto, always, never"),
        ("mcp", "which stream?"),
        ("mcp a --json", "standard output is the assistant's"),
        ("a --otlp localhost:4318", "--otlp: `localhost:4318` is no URL"),
        ("a --otlp http://a/v1/logs", "names one signal"),
        ("a --fan-out b/c", "no name of a consumer"),
        ("a --fan-out-temporary", "which consumer?"),
        ("a --invocations --level error", "rows have one type and no level"),
        ("a --invocations --web", "a table on standard output"),
        ("a --endpoint localhost:4567", "begins with http://"),
    ] {
        let error = parse(line).err().unwrap();
        assert!(error.contains(part), "{line}: {error}");
    }
}
