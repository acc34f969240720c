// A client that oapi-codegen makes charges once at a station: it lists stations, starts and stops a transaction and reads the bill. Its last
// line of output is JSON with what it saw.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"example.com/client/cluster"
)

type seen struct {
	Station   string `json:"station"`
	Started   string `json:"started"`
	Open      string `json:"open"`
	Stopped   string `json:"stopped"`
	Bill      string `json:"bill"`
	Energy    string `json:"energy"`
	Refused   string `json:"refused"`
	Forbidden string `json:"forbidden"`
}

// How often a list is read before what it must show counts as missing.
const patience = 200

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	found, err := charge(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(found)
}

func connect(url string, token string) (*cluster.ClientWithResponses, error) {
	bearer := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	return cluster.NewClientWithResponses(url, cluster.WithRequestEditorFn(bearer))
}

func charge(ctx context.Context, url, token, readToken, station string) (*seen, error) {
	client, err := connect(url, token)
	if err != nil {
		return nil, err
	}
	connected := true
	stations, err := client.ListStationsWithResponse(ctx, &cluster.ListStationsParams{Connected: &connected, Prefix: &station})
	if err != nil {
		return nil, err
	}
	if stations.JSON200 == nil || len(stations.JSON200.Items) != 1 {
		return nil, fmt.Errorf("stations: %s", stations.Body)
	}
	found := &seen{Station: stations.JSON200.Items[0].Id}

	key, connector := "go-start-1", 1
	started, err := client.StartTransactionWithResponse(ctx, station,
		&cluster.StartTransactionParams{IdempotencyKey: &key},
		cluster.StartRequest{Token: "CLIENT", Connector: &connector})
	if err != nil {
		return nil, err
	}
	if started.JSON200 == nil || started.JSON200.Id != key {
		return nil, fmt.Errorf("start: %s", started.Body)
	}
	found.Started = string(started.JSON200.State)

	transaction, err := openTransaction(ctx, client, station)
	if err != nil {
		return nil, err
	}
	found.Open = string(transaction.State)
	stopped, err := client.StopTransactionWithResponse(ctx, station, nil,
		cluster.StopRequest{Transaction: transaction.Transaction})
	if err != nil {
		return nil, err
	}
	if stopped.JSON200 == nil {
		return nil, fmt.Errorf("stop: %s", stopped.Body)
	}
	found.Stopped = string(stopped.JSON200.State)

	bill, err := bill(ctx, client, station, transaction.Transaction)
	if err != nil {
		return nil, err
	}
	found.Bill, found.Energy = string(*bill.Kind), *bill.Energy

	return found, refusals(ctx, client, url, readToken, station, found)
}

func openTransaction(ctx context.Context, client *cluster.ClientWithResponses, station string) (*cluster.Transaction, error) {
	for range patience {
		page, err := client.ListTransactionsWithResponse(ctx, &cluster.ListTransactionsParams{Station: &station})
		if err != nil {
			return nil, err
		}
		if page.JSON200 != nil && len(page.JSON200.Items) == 1 {
			return &page.JSON200.Items[0], nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("no open transaction of %s", station)
}

func bill(ctx context.Context, client *cluster.ClientWithResponses, station, id string) (*cluster.Transaction, error) {
	for range patience {
		response, err := client.GetTransactionWithResponse(ctx, station, id)
		if err != nil {
			return nil, err
		}
		if response.JSON200 != nil && response.JSON200.State == cluster.TransactionStateClosed {
			return response.JSON200, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("no bill of %s", id)
}

// Problems have their codes.
func refusals(ctx context.Context, client *cluster.ClientWithResponses, url, readToken, station string, found *seen) error {
	body := cluster.CommandRequest{Action: "Reset", Payload: map[string]interface{}{"type": "Warm"}}
	refused, err := client.SendCommandWithResponse(ctx, station, nil, body)
	if err != nil {
		return err
	}
	if refused.ApplicationproblemJSON422 == nil {
		return fmt.Errorf("refused: %s", refused.Body)
	}
	found.Refused = refused.ApplicationproblemJSON422.Code

	reader, err := connect(url, readToken)
	if err != nil {
		return err
	}
	forbidden, err := reader.SendCommandWithResponse(ctx, station, nil, body)
	if err != nil {
		return err
	}
	if forbidden.ApplicationproblemJSON403 == nil {
		return fmt.Errorf("forbidden: %s", forbidden.Body)
	}
	found.Forbidden = forbidden.ApplicationproblemJSON403.Code
	return nil
}
