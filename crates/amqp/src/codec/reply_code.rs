//! Reply codes of `connection.close`, `channel.close` and `basic.return`.

/// All is well: an orderly close.
pub const REPLY_SUCCESS: u16 = 200;
/// The message is larger than the server takes (closes the channel).
pub const CONTENT_TOO_LARGE: u16 = 311;
/// A mandatory message found no queue (`basic.return`, closes nothing).
pub const NO_ROUTE: u16 = 312;
/// An immediate message found no consumer (`basic.return`, closes nothing).
pub const NO_CONSUMERS: u16 = 313;
/// An operator or the server's shutdown ended the connection.
pub const CONNECTION_FORCED: u16 = 320;
/// The virtual host does not exist.
pub const INVALID_PATH: u16 = 402;
/// Bad credentials, or no permission for the resource.
pub const ACCESS_REFUSED: u16 = 403;
/// The named queue, exchange or binding does not exist (closes the channel).
pub const NOT_FOUND: u16 = 404;
/// The queue belongs to another connection (closes the channel).
pub const RESOURCE_LOCKED: u16 = 405;
/// Declared otherwise before, unknown delivery tag, failed `if-empty`… (closes the channel).
pub const PRECONDITION_FAILED: u16 = 406;
/// Malformed frame.
pub const FRAME_ERROR: u16 = 501;
/// Malformed field inside a frame.
pub const SYNTAX_ERROR: u16 = 502;
/// A method that makes no sense in this state.
pub const COMMAND_INVALID: u16 = 503;
/// A frame for a channel that is not open.
pub const CHANNEL_ERROR: u16 = 504;
/// A frame that does not belong here, such as a body without its header.
pub const UNEXPECTED_FRAME: u16 = 505;
/// The server lacks a resource for this.
pub const RESOURCE_ERROR: u16 = 506;
/// Something that this peer may not do, such as more channels than agreed.
pub const NOT_ALLOWED: u16 = 530;
/// A method that the server does not offer.
pub const NOT_IMPLEMENTED: u16 = 540;
/// An error inside the server.
pub const INTERNAL_ERROR: u16 = 541;

/// What RabbitMQ begins the text of a close with, and programs look for: `NOT_FOUND` for 404.
pub fn name(code: u16) -> Option<&'static str> {
    Some(match code {
        CONTENT_TOO_LARGE => "CONTENT_TOO_LARGE",
        CONNECTION_FORCED => "CONNECTION_FORCED",
        ACCESS_REFUSED => "ACCESS_REFUSED",
        NOT_FOUND => "NOT_FOUND",
        RESOURCE_LOCKED => "RESOURCE_LOCKED",
        PRECONDITION_FAILED => "PRECONDITION_FAILED",
        FRAME_ERROR => "FRAME_ERROR",
        SYNTAX_ERROR => "SYNTAX_ERROR",
        COMMAND_INVALID => "COMMAND_INVALID",
        CHANNEL_ERROR => "CHANNEL_ERROR",
        UNEXPECTED_FRAME => "UNEXPECTED_FRAME",
        RESOURCE_ERROR => "RESOURCE_ERROR",
        NOT_ALLOWED => "NOT_ALLOWED",
        NOT_IMPLEMENTED => "NOT_IMPLEMENTED",
        INTERNAL_ERROR => "INTERNAL_ERROR",
        _ => return None,
    })
}
