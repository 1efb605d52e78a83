//! `#[endpoint]`: an impl block whose marked methods are served.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Type};

use crate::api::{Api, Settings};
use crate::errors::Errors;
use crate::parse::attributes::is_rpc;
use crate::parse::method;
use crate::render::dispatch::{self, Handler};

pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = match syn::parse2(item) {
        Ok(Item::Impl(item)) => item,
        Ok(other) => {
            let message = "#[endpoint] stands on the impl block of a type: `impl Compute { … }`";
            let error = syn::Error::new_spanned(&other, message).into_compile_error();
            return quote!(#other #error);
        }
        Err(error) => return error.into_compile_error(),
    };
    let api = parse(settings, &item);
    // What is left is ordinary Rust, also when we complain: then rustc's own findings stay true.
    strip(&mut item);
    let generated = match api {
        Ok(api) => {
            let handler = Handler {
                ty: item.self_ty.to_token_stream(),
                name: type_name(&item.self_ty),
                generics: item.generics.clone(),
                receiver: quote!(self),
            };
            dispatch::render(&api, &handler)
        }
        Err(errors) => errors.into_compile_error(),
    };
    quote!(#item #generated)
}

fn parse(settings: TokenStream, item: &ItemImpl) -> syn::Result<Api> {
    let settings = Settings::parse(settings)?;
    let mut errors = Errors::default();
    if let Some((path, _)) = &item.trait_ {
        let message = "#[endpoint] stands on an inherent impl; to serve a trait, write #[rpc_api] on the trait";
        errors.push(syn::Error::new_spanned(path, message));
    }
    let mut methods = Vec::new();
    for function in exposed(item) {
        if let Some(method) = method::parse(&function.attrs, &function.sig, &settings, &mut errors)
        {
            if method.is_cast() {
                let message = format!(
                    "whether `{}` is called or cast is up to its callers: drop `cast` here",
                    method.ident
                );
                errors.at(method.span(), message);
            }
            methods.push(method);
        }
    }
    if exposed(item).next().is_none() {
        let message =
            "this endpoint exposes no method: mark those that may be called with `#[rpc]`";
        errors.push(syn::Error::new_spanned(&item.self_ty, message));
    }
    method::check_names(&methods, &mut errors);
    errors.finish(Api { settings, methods })
}

fn exposed(item: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) if function.attrs.iter().any(is_rpc) => Some(function),
        _ => None,
    })
}

fn strip(item: &mut ItemImpl) {
    for item in &mut item.items {
        if let ImplItem::Fn(function) = item {
            if function.attrs.iter().any(is_rpc) {
                // It is async because RPC methods are, whether it awaits or not.
                function
                    .attrs
                    .push(syn::parse_quote!(#[allow(clippy::unused_async)]));
            }
            function.attrs.retain(|attribute| !is_rpc(attribute));
            for input in &mut function.sig.inputs {
                if let FnArg::Typed(typed) = input {
                    typed.attrs.retain(|attribute| !is_rpc(attribute));
                }
            }
        }
    }
}

/// The type's bare name, without path and generics.
fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.unraw().to_string()),
        _ => None,
    }
    .unwrap_or_else(|| ty.to_token_stream().to_string())
}
