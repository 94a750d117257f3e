// Podroutes keeps one route for each other node of the cluster: that node's pod
// network by way of that node. It is all the network that a development cluster
// on one bridge needs, and it mends itself when a node restarts with another
// address.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// A route that something else removed comes back within this time.
const repeat = 15 * time.Second

const probeAddress = "127.0.0.1:10270"

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(stop, os.Getenv("NODE_NAME")); err != nil {
		slog.Error("podroutes", "error", err)
		os.Exit(1)
	}
}

func run(stop context.Context, ownNode string) error {
	if ownNode == "" {
		return fmt.Errorf("NODE_NAME is empty: set it from spec.nodeName")
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	nodes := informers.NewSharedInformerFactory(client, repeat).Core().V1().Nodes().Informer()
	handle := func(change func(*netlink.Route) error) func(any) {
		return func(seen any) {
			if last, gone := seen.(cache.DeletedFinalStateUnknown); gone {
				seen = last.Obj
			}
			node, isNode := seen.(*corev1.Node)
			if !isNode || node.Name == ownNode {
				return
			}
			for _, route := range routesTo(node) {
				if err := change(&route); err != nil {
					slog.Error("route", "node", node.Name, "to", route.Dst, "error", err)
				}
			}
		}
	}
	set := handle(netlink.RouteReplace)
	handled, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    set,
		UpdateFunc: func(_, now any) { set(now) },
		DeleteFunc: handle(netlink.RouteDel),
	})
	if err != nil {
		return err
	}
	go tellReady(handled)
	nodes.Run(stop.Done())
	return nil
}

// tellReady answers the readiness probe: yes as soon as every node that was
// there at the start has its route.
func tellReady(handled cache.ResourceEventHandlerRegistration) {
	err := http.ListenAndServe(probeAddress, http.HandlerFunc(
		func(answer http.ResponseWriter, _ *http.Request) {
			if !handled.HasSynced() {
				answer.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
	slog.Error("podroutes", "error", err)
	os.Exit(1)
}

// routesTo gives one route per pod network of a node that has an address of the
// same family; none while the node has no network or no address yet.
func routesTo(node *corev1.Node) []netlink.Route {
	var routes []netlink.Route
	for _, network := range node.Spec.PodCIDRs {
		_, destination, err := net.ParseCIDR(network)
		if err != nil {
			continue
		}
		for _, address := range node.Status.Addresses {
			gateway := net.ParseIP(address.Address)
			sameFamily := (gateway.To4() == nil) == (destination.IP.To4() == nil)
			if address.Type == corev1.NodeInternalIP && gateway != nil && sameFamily {
				routes = append(routes, netlink.Route{Dst: destination, Gw: gateway})
			}
		}
	}
	return routes
}
