//! One telemetry event, borrowed from the body it came in.

use std::borrow::Cow;

use super::level::may_hold_level;
use crate::telemetry::json::{Scanner, SyntaxError, has_lone_surrogate, unescape, unquoted};

/// One event of the Telemetry API. Nothing is copied and nothing is interpreted that the forwarder need not know: the
/// event goes out as its own text.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The event's own text, from `{` to `}`.
    pub raw: &'a str,
    /// True if `raw` has line breaks between its tokens (inside JSON strings there are none).
    pub has_line_breaks: bool,
    /// Kind of event.
    pub kind: Kind<'a>,
    /// JSON text of the member `time`.
    pub time: Option<&'a str>,
    /// JSON text of the member `record`: a string, or any JSON value.
    pub record: Option<&'a str>,
    /// Members of an object record that were picked up in passing.
    pub members: Members<'a>,
}

/// Members of an object `record` that the forwarder itself needs, each as its JSON text. All may be absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Members<'a> {
    /// `requestId`, or where there is none `AWSRequestId` or `function_request_id`; 128 bytes at most, as Lambda's are.
    pub request_id: Option<&'a str>,
    /// `tenantId`, of functions with tenant isolation.
    pub tenant_id: Option<&'a str>,
    /// `level` of a JSON log line.
    pub level: Option<&'a str>,
    /// Another member may hold its level: see the route's table of names.
    pub has_other_level: bool,
    /// `message` or `msg` of a JSON log line: loggers put JSON there.
    pub message: Option<&'a str>,
    /// `instanceId` of `platform.initStart` and `platform.restoreStart`.
    pub instance_id: Option<&'a str>,
    /// `initializationType` of `platform.initStart`.
    pub initialization_type: Option<&'a str>,
    /// `phase` of init's events: `init`, `invoke`, `snap-start`.
    pub phase: Option<&'a str>,
    /// `tracing` of `platform.start`.
    pub tracing: Option<&'a str>,
    /// `executionArn`, or where there is none `durableExecutionArn`: how the SDKs of durable functions name the
    /// execution.
    pub execution_arn: Option<&'a str>,
    /// `source` of an extension's log line: how the forwarder knows its own.
    pub source: Option<&'a str>,
}

/// The type of an event: the fourteen that Lambda documents, and those nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `platform.initStart`
    InitStart,
    /// `platform.initRuntimeDone`
    InitRuntimeDone,
    /// `platform.initReport`
    InitReport,
    /// `platform.start`
    Start,
    /// `platform.runtimeDone`
    RuntimeDone,
    /// `platform.report`
    Report,
    /// `platform.restoreStart`
    RestoreStart,
    /// `platform.restoreRuntimeDone`
    RestoreRuntimeDone,
    /// `platform.restoreReport`
    RestoreReport,
    /// `platform.extension`
    ExtensionState,
    /// `platform.telemetrySubscription`
    TelemetrySubscription,
    /// `platform.logsDropped`
    LogsDropped,
    /// `function`: a line that the function logged
    Function,
    /// `extension`: a line that an extension logged
    Extension,
    /// `forwarder.invocation`: the row of an invocation, which the forwarder makes
    Invocation,
    /// Any other type, passed on untouched.
    Other(Cow<'a, str>),
}

impl<'a> Kind<'a> {
    /// The type of this name.
    pub fn from_name(name: impl Into<Cow<'a, str>>) -> Self {
        let name = name.into();
        match name.as_ref() {
            "function" => Self::Function,
            "extension" => Self::Extension,
            "platform.start" => Self::Start,
            "platform.runtimeDone" => Self::RuntimeDone,
            "platform.report" => Self::Report,
            "platform.initStart" => Self::InitStart,
            "platform.initRuntimeDone" => Self::InitRuntimeDone,
            "platform.initReport" => Self::InitReport,
            "platform.restoreStart" => Self::RestoreStart,
            "platform.restoreRuntimeDone" => Self::RestoreRuntimeDone,
            "platform.restoreReport" => Self::RestoreReport,
            "platform.extension" => Self::ExtensionState,
            "platform.telemetrySubscription" => Self::TelemetrySubscription,
            "platform.logsDropped" => Self::LogsDropped,
            INVOCATION => Self::Invocation,
            _ => Self::Other(name),
        }
    }

    /// The type's name as Lambda writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::InitStart => "platform.initStart",
            Self::InitRuntimeDone => "platform.initRuntimeDone",
            Self::InitReport => "platform.initReport",
            Self::Start => "platform.start",
            Self::RuntimeDone => "platform.runtimeDone",
            Self::Report => "platform.report",
            Self::RestoreStart => "platform.restoreStart",
            Self::RestoreRuntimeDone => "platform.restoreRuntimeDone",
            Self::RestoreReport => "platform.restoreReport",
            Self::ExtensionState => "platform.extension",
            Self::TelemetrySubscription => "platform.telemetrySubscription",
            Self::LogsDropped => "platform.logsDropped",
            Self::Function => "function",
            Self::Extension => "extension",
            Self::Invocation => INVOCATION,
            Self::Other(name) => name,
        }
    }

    /// True if events of this type are log lines, which have a level and belong to whatever invocation runs.
    pub fn is_log(&self) -> bool {
        matches!(self, Self::Function | Self::Extension)
    }
}

/// The type of the forwarder's rows, the only one of its own that rules may name.
pub const INVOCATION: &str = "forwarder.invocation";

/// Every type name that Lambda documents, in the order of an environment's life.
pub const KNOWN_TYPES: [&str; 14] = [
    "platform.initStart",
    "platform.initRuntimeDone",
    "platform.initReport",
    "platform.restoreStart",
    "platform.restoreRuntimeDone",
    "platform.restoreReport",
    "platform.telemetrySubscription",
    "platform.extension",
    "platform.start",
    "function",
    "extension",
    "platform.runtimeDone",
    "platform.report",
    "platform.logsDropped",
];

/// The value of `source` in the forwarder's own log lines, as JSON text.
const OWN_SOURCE: &str = "\"telemetry-forwarder\"";

/// First bytes of its own log lines where they come back as text.
const OWN_LINE: &str = r#""{\"source\":\"telemetry-forwarder\""#;

impl<'a> Event<'a> {
    /// True if it is a log line of the forwarder itself, which is never forwarded.
    pub fn is_own_line(&self) -> bool {
        matches!(self.kind, Kind::Extension)
            && (self.members.source == Some(OWN_SOURCE)
                || self.record.is_some_and(|record| record.starts_with(OWN_LINE)))
    }

    /// A row of the forwarder's own. `record` is a part of `raw`; `request_id` is JSON text.
    pub(crate) fn of_row(raw: &'a str, record: Option<&'a str>, request_id: &'a str) -> Self {
        Self {
            raw,
            has_line_breaks: false,
            kind: Kind::Invocation,
            time: None,
            record,
            members: Members {
                request_id: Some(request_id),
                ..Members::default()
            },
        }
    }

    /// An event that was not read yet.
    pub(crate) fn unread() -> Self {
        Self {
            raw: "",
            has_line_breaks: false,
            kind: Kind::Function,
            time: None,
            record: None,
            members: Members::default(),
        }
    }

    /// Reads the event that starts at the scanner's cursor, in one pass, in place: an event is large to copy. After an error
    /// it is none.
    ///
    /// # Errors
    /// The text is not JSON; it is not an object with a string `type`, and a string `time` if any; one of `time`,
    /// `type`, `record` stands twice; a name or one of those strings is no text (a lone surrogate); or it carries what
    /// only the forwarder may write: a member `forwarder` or a type `forwarder.*`.
    pub(crate) fn scan(&mut self, scanner: &mut Scanner<'a>) -> Result<(), SyntaxError> {
        let start = scanner.pos;
        scanner.line_break = false;
        let mut kind = None;
        self.members = Members::default();
        let Self {
            time, record, members, ..
        } = self;
        (*time, *record) = (None, None);
        scanner.object(|scanner, key| match key {
            "time" => once(time, scanner, readable_string),
            "type" => once(&mut kind, scanner, |scanner| {
                let json = readable_string(scanner)?;
                Ok(if scanner.has_escape() {
                    unescape(json)
                } else {
                    Cow::Borrowed(unquoted(json))
                })
            }),
            "record" => once(record, scanner, |scanner| members.scan_record(scanner)),
            "forwarder" => scanner.error("the member `forwarder` is not Lambda's to set"),
            // It came from a lone surrogate: many readers refuse the whole line.
            key if key.contains('\u{fffd}') => scanner.error("a member's name is no text"),
            _ => scanner.value().map(drop),
        })?;
        let Some(kind) = kind else {
            return scanner.error("the event has no `type`");
        };
        self.kind = match kind {
            Cow::Borrowed("function") => Kind::Function,
            kind => Kind::from_name(kind),
        };
        let is_own = match &self.kind {
            Kind::Invocation => true,
            Kind::Other(name) => name.starts_with("forwarder."),
            _ => false,
        };
        if is_own {
            return scanner.error("types `forwarder.*` are not Lambda's to send");
        }
        self.raw = scanner.since(start);
        self.has_line_breaks = scanner.line_break;
        Ok(())
    }
}

/// The longest that the members before a log line's record are. Bytes.
const LONGEST_HEADER: usize = 512;

/// The length of `{"time":…,"type":"function","record":`, if these bytes begin like that.
pub(crate) fn log_header(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..LONGEST_HEADER.min(bytes.len()))?;
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
    };
    let mut scanner = Scanner::new(text);
    let (mut has_time, mut is_log) = (false, false);
    if !scanner.eat(b'{') {
        return None;
    }
    loop {
        scanner.skip_whitespace();
        let key = scanner.string().ok()?;
        scanner.skip_whitespace();
        if !scanner.eat(b':') {
            return None;
        }
        match key {
            "\"record\"" => return (has_time && is_log).then_some(scanner.pos),
            "\"time\"" => has_time = true,
            _ => {}
        }
        scanner.skip_whitespace();
        let value = scanner.value().ok()?;
        is_log |= key == "\"type\"" && matches!(value, "\"function\"" | "\"extension\"");
        scanner.skip_whitespace();
        if !scanner.eat(b',') {
            return None;
        }
    }
}

#[inline(always)]
fn once<'a, T>(
    slot: &mut Option<T>,
    scanner: &mut Scanner<'a>,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, SyntaxError>,
) -> Result<(), SyntaxError> {
    if slot.is_some() {
        return scanner.error("a member stands twice");
    }
    *slot = Some(read(scanner)?);
    Ok(())
}

impl<'a> Members<'a> {
    /// Reads the members of a record; of text that is no JSON object those before it breaks.
    pub fn read(record: &'a str) -> Self {
        let mut members = Self::default();
        // What was found before an error counts all the same.
        let _ = members.scan_record(&mut Scanner::new(record));
        members
    }

    /// Skips the record at the cursor, remembering the members of interest if it is an object.
    fn scan_record(&mut self, scanner: &mut Scanner<'a>) -> Result<&'a str, SyntaxError> {
        if scanner.peek() != Some(b'{') {
            return scanner.value();
        }
        let start = scanner.pos;
        scanner.object(|scanner, key| {
            let value = scanner.value()?;
            match key {
                "requestId" => self.request_id = non_empty_string(value).or(self.request_id),
                "AWSRequestId" | "function_request_id" => {
                    self.request_id = self.request_id.or(non_empty_string(value));
                }
                "tenantId" => self.tenant_id = non_empty_string(value),
                "level" => self.level = Some(value),
                "message" | "msg" => self.message = Some(value),
                "instanceId" => self.instance_id = non_empty_string(value),
                "initializationType" => self.initialization_type = non_empty_string(value),
                "phase" => self.phase = non_empty_string(value),
                "source" => self.source = non_empty_string(value),
                "tracing" => self.tracing = Some(value),
                "executionArn" => self.execution_arn = execution_arn(value).or(self.execution_arn),
                "durableExecutionArn" => self.execution_arn = self.execution_arn.or(execution_arn(value)),
                _ => self.has_other_level |= may_hold_level(key),
            }
            Ok(())
        })?;
        Ok(scanner.since(start))
    }
}

/// Skips a string that every reader can read.
fn readable_string<'a>(scanner: &mut Scanner<'a>) -> Result<&'a str, SyntaxError> {
    scanner.forget_escapes();
    let string = scanner.string()?;
    if scanner.has_escape() && has_lone_surrogate(string) {
        return scanner.error("a lone surrogate is no text");
    }
    Ok(string)
}

/// The longest id that is taken for one, in bytes. Lambda's have 36.
const LONGEST_ID: usize = 128;

/// The longest ARN that is taken for one, in bytes. AWS has none above 2,048.
const LONGEST_ARN: usize = 2_048;

/// Step Functions' executions go by the same name in logs of functions that start them.
fn execution_arn(value: &str) -> Option<&str> {
    readable(value, LONGEST_ARN).filter(|value| !value.contains(":states:"))
}

/// A string that can be an id.
fn non_empty_string(value: &str) -> Option<&str> {
    readable(value, LONGEST_ID)
}

/// A string that can stand in the envelope: what is there must be readable, and what is remembered is bounded.
fn readable(value: &str, longest: usize) -> Option<&str> {
    let fits = value.starts_with('"') && (3..=longest + "\"\"".len()).contains(&value.len());
    (fits && !has_lone_surrogate(value)).then_some(value)
}
