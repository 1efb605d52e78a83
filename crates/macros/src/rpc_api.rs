//! `#[rpc_api]`: a trait that is both what a server implements and what a client calls.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Item, ItemTrait, TraitItem};

use crate::api::{Api, Returns, Settings};
use crate::errors::Errors;
use crate::parse::method;
use crate::render::{client, server_trait};

/// Names that the generated client already has.
const TAKEN: [&str; 5] = ["new", "with", "with_server", "with_timeout", "fanout"];

pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let item = match syn::parse2(item) {
        Ok(Item::Trait(item)) => item,
        Ok(other) => {
            let message = "#[rpc_api] stands on a trait: `pub trait ComputeApi { … }`; an impl block takes #[endpoint]";
            let error = syn::Error::new_spanned(&other, message).into_compile_error();
            return quote!(#other #error);
        }
        Err(error) => return error.into_compile_error(),
    };
    match parse(settings, &item) {
        Ok(api) => {
            let server = server_trait::render(&api, &item);
            let client = client::render(&api, &item);
            quote!(#server #client)
        }
        Err(errors) => {
            let errors = errors.into_compile_error();
            // The trait stays, so that its users get no errors that follow from ours.
            let item = server_trait::plain(&item);
            quote!(#[allow(async_fn_in_trait)] #item #errors)
        }
    }
}

fn parse(settings: TokenStream, item: &ItemTrait) -> syn::Result<Api> {
    let settings = Settings::parse(settings)?;
    let mut errors = Errors::default();
    if !item.generics.params.is_empty() {
        let message =
            "an RPC API is not generic, since a message carries no types: write concrete types";
        errors.push(syn::Error::new_spanned(&item.generics, message));
    }
    let mut methods = Vec::new();
    for item in &item.items {
        let TraitItem::Fn(function) = item else {
            let message = "an RPC API has methods only: move this to another trait";
            errors.push(syn::Error::new_spanned(item, message));
            continue;
        };
        let Some(method) = method::parse(&function.attrs, &function.sig, &settings, &mut errors)
        else {
            continue;
        };
        if TAKEN.iter().any(|taken| method.ident == taken) {
            let message = format!(
                "the generated client has a `{0}` of its own: name the method otherwise and keep the wire name with `#[rpc(name = \"{0}\")]`",
                method.ident
            );
            errors.at(method.span(), message);
        }
        if let Returns::Result { ty, parts: None } = &method.returns {
            let message = "callers must know the error too: write `Result<T, E>` with both";
            errors.push(syn::Error::new_spanned(ty, message));
        }
        methods.push(method);
    }
    if item.items.is_empty() {
        let message = format!(
            "`{}` has no methods, so there is nothing to call",
            item.ident
        );
        errors.at(item.ident.span(), message);
    }
    method::check_names(&methods, &mut errors);
    errors.finish(Api { settings, methods })
}

/// The names of what is generated beside the trait.
pub(crate) struct Names {
    pub(crate) endpoint: syn::Ident,
    pub(crate) client: syn::Ident,
    pub(crate) fanout: syn::Ident,
}

impl Names {
    pub(crate) fn of(item: &ItemTrait) -> Self {
        Self {
            endpoint: format_ident!("{}Endpoint", item.ident),
            client: format_ident!("{}Client", item.ident),
            fanout: format_ident!("{}Fanout", item.ident),
        }
    }
}
