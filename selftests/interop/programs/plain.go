// SPDX-License-Identifier: GPL-2.0-or-later

// A static program of Go, without TLS: plain serve ADDRESS DIRECTORY, or
// plain fetch URL FILE COUNT, which fetches it COUNT times at once.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

func fetch(url, path string, done chan<- error) {
	answer, err := http.Get(url)
	if err != nil {
		done <- err
		return
	}
	defer answer.Body.Close()
	file, err := os.Create(path)
	if err != nil {
		done <- err
		return
	}
	defer file.Close()
	_, err = io.Copy(file, answer.Body)
	done <- err
}

func main() {
	if os.Args[1] == "serve" {
		fmt.Println(http.ListenAndServe(os.Args[2], http.FileServer(http.Dir(os.Args[3]))))
		os.Exit(1)
	}
	count, _ := strconv.Atoi(os.Args[4])
	done := make(chan error)
	for i := 0; i < count; i++ {
		go fetch(os.Args[2], fmt.Sprint(os.Args[3], i), done)
	}
	for i := 0; i < count; i++ {
		if err := <-done; err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}
