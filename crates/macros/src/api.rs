//! The one description of an RPC API. Both macros parse into it; every renderer reads it.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Ident, LitStr, Path, Type};

use crate::version::Version;

/// What `#[endpoint]` or `#[rpc_api]` was told, and the methods under it.
pub(crate) struct Api {
    pub(crate) settings: Settings,
    pub(crate) methods: Vec<Method>,
}

/// The keys of `#[endpoint(…)]` and `#[rpc_api(…)]`.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Where the generated code finds `rpc`: `::bergen` unless `crate = …` says otherwise.
    pub(crate) krate: Path,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) version: Option<Version>,
    pub(crate) legacy_namespaces: Vec<LitStr>,
}

/// One exposed method.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    /// The name on the wire.
    pub(crate) name: LitStr,
    /// The first version of the API that has the method.
    pub(crate) version: Option<Version>,
    pub(crate) kind: Kind,
    /// `#[doc]` and `#[cfg]` of the method, for what is generated from it.
    pub(crate) docs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    /// The name and type of the `&Context` parameter, if there is one.
    pub(crate) context: Option<(Ident, Type)>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) returns: Returns,
    pub(crate) expected: Expected,
}

impl Method {
    pub(crate) fn span(&self) -> Span {
        self.ident.span()
    }

    pub(crate) fn is_cast(&self) -> bool {
        matches!(self.kind, Kind::Cast)
    }
}

/// How a typed client sends the method.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Call,
    Cast,
}

/// One argument, which travels by name.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    /// The name on the wire.
    pub(crate) name: LitStr,
    /// The type as written; a reference is decoded into its owned form and lent to the method.
    pub(crate) ty: Type,
    pub(crate) presence: Presence,
}

/// What happens when a request leaves the argument out.
pub(crate) enum Presence {
    /// The caller gets a `TypeError`, as from Python.
    Required,
    /// `Option<T>` or `#[rpc(default)]`: the type's own default.
    Default,
    /// `#[rpc(default = …)]`.
    DefaultTo(Box<Expr>),
}

/// What the method gives back.
pub(crate) enum Returns {
    /// No return type: null on the wire.
    Nothing,
    /// A type that is not a `Result`: the method cannot fail.
    Value(Box<Type>),
    /// A `Result` or an alias of one.
    Result {
        /// As written.
        ty: Box<Type>,
        /// Success and error, if both are written out.
        parts: Option<Box<(Type, Type)>>,
    },
}

impl Returns {
    /// Where the type stands, for mistakes that only the compiler can find; `otherwise` if there is none.
    pub(crate) fn span_or(&self, otherwise: Span) -> Span {
        match self {
            Self::Nothing => otherwise,
            Self::Value(ty) | Self::Result { ty, .. } => ty.span(),
        }
    }
}

/// Which of the method's errors are part of its ordinary life: logged at debug, answered as usual.
pub(crate) enum Expected {
    None,
    All,
    /// Paths of error variants.
    Variants(Vec<Path>),
}
