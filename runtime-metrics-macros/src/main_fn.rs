//! `#[main]`: an async function that runs on a Tokio runtime with our hooks.

use crate::options::{library, once, option_name, string, unknown};
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{AttrStyle, Error, ItemFn, LitInt, LitStr, Path, Result, Token};

const KNOWN: [&str; 4] = ["flavor", "worker_threads", "name", "crate"];

/// How the runtime is to be.
#[derive(Default)]
struct Options {
    flavor: Option<LitStr>,
    worker_threads: Option<LitInt>,
    name: Option<LitStr>,
    library: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let name = option_name(input)?;
            if !KNOWN.iter().any(|known| name == known) {
                return Err(unknown(&name, &KNOWN));
            }
            input.parse::<Token![=]>()?;
            if name == "flavor" {
                once(&mut options.flavor, &name, flavor(input)?)?;
            } else if name == "worker_threads" {
                once(&mut options.worker_threads, &name, worker_threads(input)?)?;
            } else if name == "name" {
                once(&mut options.name, &name, string(input, "the name of the runtime")?)?;
            } else {
                once(&mut options.library, &name, input.call(Path::parse_mod_style)?)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match (&options.flavor, &options.worker_threads) {
            (Some(flavor), Some(threads)) if flavor.value() == CURRENT => {
                Err(Error::new(threads.span(), "a current-thread runtime has no worker threads; leave the option out"))
            }
            _ => Ok(options),
        }
    }
}

const CURRENT: &str = "current_thread";

fn flavor(input: ParseStream<'_>) -> Result<LitStr> {
    let flavor = string(input, "the flavor")?;
    if [CURRENT, "multi_thread"].contains(&&*flavor.value()) {
        return Ok(flavor);
    }
    let text = format!("there is no flavor `{}`; use \"multi_thread\" or \"current_thread\"", flavor.value());
    Err(Error::new(flavor.span(), text))
}

fn worker_threads(input: ParseStream<'_>) -> Result<LitInt> {
    let threads: LitInt = input.parse()?;
    if threads.base10_parse::<usize>()? == 0 {
        return Err(Error::new(threads.span(), "a runtime needs a worker; use 1 or more"));
    }
    Ok(threads)
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    // A wrong option is the only error: without it the function is as it should be.
    let (options, wrong) = match syn::parse2::<Options>(options) {
        Ok(options) => (options, None),
        Err(error) => (Options::default(), Some(error.into_compile_error())),
    };
    match syn::parse2::<ItemFn>(item.clone()).and_then(|function| rewrite(&options, function)) {
        Ok(function) => quote!(#function #wrong),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#item #wrong #error)
        }
    }
}

fn rewrite(options: &Options, mut function: ItemFn) -> Result<TokenStream> {
    if function.sig.asyncness.take().is_none() {
        let text = "`#[main]` is for an async function; write `async fn`, or leave the attribute out";
        return Err(Error::new_spanned(function.sig.fn_token, text));
    }
    let library = library(options.library.as_ref());
    let flavor = options.flavor.as_ref();
    let new = match flavor {
        Some(flavor) if flavor.value() == CURRENT => quote!(new_current_thread()),
        _ => quote!(new_multi_thread()),
    };
    // Tokio wants a number that is a `usize`, whatever suffix was written.
    let threads = options.worker_threads.iter().map(|threads| quote!(.worker_threads(#threads)));
    let name = options.name.iter().map(|name| quote!(.name(#name)));
    let ItemFn { mut attrs, vis, sig, block, .. } = function;
    for attribute in &mut attrs {
        // Those at the head of the body would stand before the function.
        attribute.style = AttrStyle::Outer;
    }
    let body = quote! {
        #library::__private::run(
            #library::__private::Builder::#new #(#threads)* #(#name)*,
            async move #block,
        )
    };
    Ok(quote!(#(#attrs)* #vis #sig { #body }))
}
