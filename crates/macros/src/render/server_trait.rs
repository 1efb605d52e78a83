//! The trait that a server implements, and the endpoint made of whatever implements it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{FnArg, ItemTrait, ReturnType, Signature, TraitItem};

use super::dispatch::{self, Handler};
use crate::api::Api;
use crate::parse::attributes::is_rpc;
use crate::rpc_api::Names;

/// The trait with its methods' futures declared `Send`, the adapter type and its `Endpoint`.
pub(crate) fn render(api: &Api, item: &ItemTrait) -> TokenStream {
    let (vis, name) = (&item.vis, &item.ident);
    let endpoint = Names::of(item).endpoint;
    let docs = format!(
        "Serves the API [`{name}`]: an endpoint that hands each request to the implementation it holds."
    );
    let new_docs = format!("An endpoint that serves `handler`, which implements [`{name}`].");
    let handler_docs = "The implementation that answers the requests.";
    let api_trait = sendable(item);
    let handler = Handler {
        ty: quote!(#endpoint<Implementation>),
        name: name.unraw().to_string(),
        generics: syn::parse_quote!(<Implementation: #name>),
        receiver: quote!(self.0),
    };
    let dispatch = dispatch::render(api, &handler);
    quote! {
        // One half is often used without the other.
        #[allow(dead_code)]
        #api_trait

        #[doc = #docs]
        #[derive(Debug, Clone)]
        #[allow(dead_code)]
        #vis struct #endpoint<Implementation>(Implementation);

        #[allow(dead_code)]
        impl<Implementation: #name> #endpoint<Implementation> {
            #[doc = #new_docs]
            pub fn new(handler: Implementation) -> Self {
                Self(handler)
            }

            #[doc = #handler_docs]
            pub fn handler(&self) -> &Implementation {
                &self.0
            }
        }

        #dispatch
    }
}

/// The trait as it was written, without our attributes.
pub(crate) fn plain(item: &ItemTrait) -> ItemTrait {
    let mut item = item.clone();
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item {
            function.attrs.retain(|attribute| !is_rpc(attribute));
            strip_arguments(&mut function.sig);
        }
    }
    item
}

/// An `async fn` of a trait promises nothing about threads; servers move requests between them.
fn sendable(item: &ItemTrait) -> ItemTrait {
    let mut item = plain(item);
    let bounds = [
        syn::parse_quote!(::core::marker::Send),
        syn::parse_quote!(::core::marker::Sync),
        syn::parse_quote!('static),
    ];
    item.supertraits.extend::<[syn::TypeParamBound; 3]>(bounds);
    if item.colon_token.is_none() {
        item.colon_token = Some(syn::Token![:](item.ident.span()));
    }
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item {
            function.sig.asyncness = None;
            let output = match &function.sig.output {
                ReturnType::Default => quote!(()),
                ReturnType::Type(_, ty) => quote!(#ty),
            };
            function.sig.output = syn::parse_quote! {
                -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
            };
            if let Some(block) = &function.default {
                function.default = Some(syn::parse_quote!({ async move #block }));
            }
        }
    }
    item
}

fn strip_arguments(sig: &mut Signature) {
    for input in &mut sig.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.retain(|attribute| !is_rpc(attribute));
        }
    }
}
