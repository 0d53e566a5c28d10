//! One name for one request on its whole way, from api to worker: W3C Trace Context, level 1,
//! section 3.2 (`traceparent`).

use std::fmt;

use crate::asset::hex;

/// The trace that a request or a job belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    span_id: String,
    sampled: bool,
}

impl TraceContext {
    /// A new trace.
    pub fn random() -> Self {
        Self {
            trace_id: hex(&rand::random::<[u8; 16]>()),
            span_id: hex(&rand::random::<[u8; 8]>()),
            sampled: true,
        }
    }

    /// Reads a `traceparent`; `None` when it is malformed, and then a new trace begins.
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let (version, trace_id, span_id, flags) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let valid = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let nonzero = |text: &str| text.bytes().any(|b| b != b'0');
        let known =
            valid(version, 2) && version != "ff" && (version != "00" || fields.next().is_none());
        let well_formed =
            valid(trace_id, 32) && nonzero(trace_id) && valid(span_id, 16) && nonzero(span_id);
        if !(known && well_formed && valid(flags, 2)) {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        Some(Self {
            trace_id: trace_id.to_owned(),
            span_id: span_id.to_owned(),
            sampled,
        })
    }

    /// The same trace, one step further.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: hex(&rand::random::<[u8; 8]>()),
            ..self.clone()
        }
    }

    /// What all steps of the trace share: the request id in logs and answers.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.sampled)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_kept_and_a_malformed_one_is_not() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::parse(header).unwrap();
        assert_eq!(context.to_string(), header);
        assert_eq!(
            context.child().trace_id(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_ne!(context.child(), context);
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
        assert!(TraceContext::parse(&TraceContext::random().to_string()).is_some());
    }
}
