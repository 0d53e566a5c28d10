//! Who may see and do what: roles, tokens that give them, and signatures of single URLs. Pure: reads
//! no files and no clock.

mod signature;
mod token;

pub use signature::{BadSignature, SIGNATURE, SignedUrl, SigningKeys};
pub use token::{Role, Token, TokenFileError, Tokens, new_token};
