//! What a method's signature must look like to be called over a bus.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    FnArg, GenericArgument, GenericParam, Ident, LitStr, Pat, PatType, PathArguments, PathSegment,
    Receiver, ReceiverKind, ReturnType, Signature, Type,
};

use super::attributes::{ArgumentKeys, is_rpc};
use crate::api::{Argument, Presence, Returns};
use crate::errors::Errors;

/// Refuses what no message can express.
pub(super) fn check(sig: &Signature, errors: &mut Errors) {
    if sig.asyncness.is_none() {
        let message = format!("RPC methods are async: write `async fn {}`", sig.ident);
        errors.at(sig.fn_token.span, message);
    }
    check_receiver(sig, errors);
    if let Some(parameter) = sig.generics.params.first() {
        let message = match parameter {
            GenericParam::Lifetime(_) => {
                "RPC methods name no lifetimes: take owned values, or plain `&T` references"
            }
            _ => {
                "RPC methods are not generic, since a message carries no types: write concrete types"
            }
        };
        errors.push(syn::Error::new_spanned(&sig.generics, message));
    }
    if let Some(clause) = &sig.generics.where_clause {
        let message = "RPC methods have no where clause: put the bounds on the impl";
        errors.push(syn::Error::new_spanned(clause, message));
    }
}

fn check_receiver(sig: &Signature, errors: &mut Errors) {
    let wrong = match sig.receiver() {
        None => {
            let message = format!(
                "RPC methods take `&self` first: write `fn {}(&self, …)`",
                sig.ident
            );
            errors.at(sig.ident.span(), message);
            return;
        }
        Some(Receiver {
            kind: ReceiverKind::Reference(_, None, None),
            ..
        }) => return,
        Some(Receiver {
            kind: ReceiverKind::Reference(_, Some(_), _),
            ..
        }) => "RPC methods name no lifetimes: write `&self`",
        Some(Receiver {
            kind: ReceiverKind::Reference(..),
            ..
        }) => {
            "RPC methods take `&self`, since many requests run at once: keep what changes behind a lock or an atomic"
        }
        Some(_) => "RPC methods take `&self`, since the endpoint serves many requests",
    };
    errors.push(syn::Error::new_spanned(sig.inputs.first(), wrong));
}

/// The parameters after `self`: the context, if the first is one, and the arguments.
pub(super) fn parameters(
    sig: &Signature,
    errors: &mut Errors,
) -> (Option<(Ident, Type)>, Vec<Argument>) {
    let mut context = None;
    let mut arguments: Vec<Argument> = Vec::new();
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    for (position, typed) in typed.enumerate() {
        let Some(ident) = errors.note(plain_name(&typed.pat)) else {
            continue;
        };
        if is_context(&typed.ty) {
            errors.note(check_context(typed, position));
            context = Some((ident, (*typed.ty).clone()));
        } else if let Some(argument) = errors.note(argument(ident, typed)) {
            if let Some(first) = arguments
                .iter()
                .find(|other| other.name.value() == argument.name.value())
            {
                let message = format!(
                    "argument `{}` is there twice: give one of the two its own `#[rpc(name = \"…\")]`",
                    first.name.value()
                );
                errors.at(argument.name.span(), message);
            }
            arguments.push(argument);
        }
    }
    (context, arguments)
}

/// What the return type means.
pub(super) fn returns(sig: &Signature, errors: &mut Errors) -> Returns {
    let ReturnType::Type(_, ty) = &sig.output else {
        return Returns::Nothing;
    };
    if let Type::ImplTrait(_) = **ty {
        let message = "an RPC result is encoded by its type: write the concrete type";
        errors.push(syn::Error::new_spanned(ty, message));
    }
    match last_segment(ty) {
        Some(segment) if segment.ident == "Result" => Returns::Result {
            ty: ty.clone(),
            parts: result_parts(segment).map(Box::new),
        },
        _ => Returns::Value(ty.clone()),
    }
}

/// `T` and `E` of `Result<T, E>`; an alias of one does not tell.
fn result_parts(segment: &PathSegment) -> Option<(Type, Type)> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(value)), Some(GenericArgument::Type(error))) => {
            Some((value.clone(), error.clone()))
        }
        _ => None,
    }
}

fn argument(ident: Ident, typed: &PatType) -> syn::Result<Argument> {
    check_argument_type(&typed.ty)?;
    let keys = ArgumentKeys::parse(&typed.attrs)?;
    let name = match keys.name {
        Some(name) => name,
        None => own_name(&ident)?,
    };
    let presence = match keys.default {
        Some(default) => default,
        None if is_option(&typed.ty) => Presence::Default,
        None => Presence::Required,
    };
    Ok(Argument {
        ident,
        name,
        ty: (*typed.ty).clone(),
        presence,
    })
}

/// The Rust name as the wire's. A leading underscore is how Rust marks what is unused, and callers
/// would have to send it: almost certainly not what was meant.
fn own_name(ident: &Ident) -> syn::Result<LitStr> {
    let name = ident.unraw().to_string();
    if let Some(meant) = name.strip_prefix('_') {
        let message = format!(
            "callers would have to send `{name}`: say the wire's name, as in `#[rpc(name = \"{meant}\")]`"
        );
        return Err(syn::Error::new(ident.span(), message));
    }
    Ok(LitStr::new(&name, ident.span()))
}

fn check_argument_type(ty: &Type) -> syn::Result<()> {
    let message = match ty {
        Type::ImplTrait(_) => {
            "an RPC argument is decoded by its type: write a concrete type instead of `impl …`"
        }
        Type::Reference(reference) if reference.mutability.is_some() => {
            "an RPC argument is a value from a message: take it owned instead of `&mut`"
        }
        Type::Reference(reference) if reference.lifetime.is_some() => {
            "RPC methods name no lifetimes: take the value owned, or as a plain `&T`"
        }
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(ty, message))
}

fn check_context(typed: &PatType, position: usize) -> syn::Result<()> {
    if !matches!(&*typed.ty, Type::Reference(reference) if reference.mutability.is_none() && reference.lifetime.is_none())
    {
        let message = "the request's context is lent to the method: write `&Context`";
        return Err(syn::Error::new_spanned(&typed.ty, message));
    }
    if position > 0 {
        let message = "the context comes first, before the arguments: move it behind `&self`";
        return Err(syn::Error::new_spanned(typed, message));
    }
    if let Some(attribute) = typed.attrs.iter().find(|attribute| is_rpc(attribute)) {
        let message = "the context is not an argument: it takes no `#[rpc]`";
        return Err(syn::Error::new_spanned(attribute, message));
    }
    Ok(())
}

fn is_context(ty: &Type) -> bool {
    let inner = match ty {
        Type::Reference(reference) => &reference.elem,
        other => other,
    };
    last_segment(inner).is_some_and(|segment| segment.ident == "Context")
}

/// Whether the type is written as an `Option`.
pub(crate) fn is_option(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Option")
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn plain_name(pat: &Pat) -> syn::Result<Ident> {
    match pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Ok(name.ident.clone())
        }
        _ => Err(syn::Error::new(
            pat.span(),
            "arguments travel by name: give this one a plain name instead of a pattern",
        )),
    }
}
